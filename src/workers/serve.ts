// What the programs of worker threads have in common.
import { parentPort } from 'node:worker_threads';
import { type ErrorCode, isSyncError, SyncError } from '../errors/index.js';
import { toMessage, type Reply, type WorkerModule } from './messages.js';
import type { Parcel } from './transfer.js';

/** Modules that are in the same bundle as this one, by the names that `ownModule` gives them. */
export const bundledModules = new Map<string, () => Promise<object>>();

/** Answers requests on a worker thread. It gets the next one when it has answered the one before. */
export function serve(work: (request: never) => Promise<Parcel<unknown>>): void {
  parentPort?.on('message', (request) => {
    void answer(() => work(request as never));
  });
}

async function answer(work: () => Promise<Parcel<unknown>>): Promise<void> {
  try {
    const { content, transfer } = await work();
    post({ value: content }, transfer);
  } catch (error) {
    post({ error: toMessage(error) }, []);
  }
}

function post(reply: Reply, transfer: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(reply, transfer);
}

/** What a plugin's worker module makes. @throws SyncError of the code where it can't be used */
export async function made<T>(
  { module, options }: Omit<WorkerModule, 'id'>,
  maker: string,
  { what, code }: { readonly what: string; readonly code: ErrorCode },
): Promise<T> {
  try {
    const load =
      bundledModules.get(module) ?? (() => import(/* webpackIgnore: true */ /* @vite-ignore */ module));
    const imported = (await load()) as Readonly<Record<string, (options: unknown) => T>>;
    const make = imported[maker];
    if (make === undefined) throw new Error(`It has no export ${maker}.`);
    return make(options);
  } catch (error) {
    if (isSyncError(error)) throw error;
    throw new SyncError(code, `The worker module of the ${what} can't be used: ${module}.`, { cause: error });
  }
}
