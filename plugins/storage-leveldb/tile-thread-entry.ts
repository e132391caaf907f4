// What runs on the thread that makes tiles. It imports no more than that needs: each import is memory once for every thread.
import { parentPort } from 'node:worker_threads';
import { isSyncError } from '../../src/errors/index.js';
import { makeTile, type TileJob } from './tile-job.js';
import type { TileFailure, TileReply } from './tile-thread.js';

parentPort?.on('message', (job: TileJob) => {
  void answer(job);
});

async function answer(job: TileJob): Promise<void> {
  try {
    const made = await makeTile(job);
    post({ made }, made === null ? [] : [made.bytes.buffer as ArrayBuffer]);
  } catch (error) {
    post({ failure: failureOf(error) }, []);
  }
}

function failureOf(error: unknown): TileFailure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (isSyncError(error)) return { message, stack, code: error.code, height: error.context.height };
  return { message, stack, code: null, systemCode: (error as NodeJS.ErrnoException).code };
}

function post(reply: TileReply, transfer: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(reply, transfer);
}
