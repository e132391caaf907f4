import { Worker } from 'node:worker_threads';
import { type ErrorCode, SyncError } from '../../src/errors/index.js';
import { threadOptions, workerProgram } from '../../src/internal/node/worker-program.js';
import type { MadeTile, TileJob } from './tile-job.js';

/** An error of the thread, in a form that can be sent. */
export interface TileFailure {
  readonly message: string;
  readonly stack: string | undefined;
  /** `null` for what is no {@link SyncError}. */
  readonly code: ErrorCode | null;
  readonly height?: number | undefined;
  /** What the platform calls it. */
  readonly systemCode?: string | undefined;
}

/** What comes back from the thread. */
export type TileReply = { readonly made: MadeTile | null } | { readonly failure: TileFailure };

/** How long a thread without work is kept, in milliseconds. */
const IDLE_MS = 5000;

/** What is encoded is not on the heap, so little is needed there; what passes it ends the thread alone. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

const PROGRAM = 'plugins/storage-leveldb/tile-thread-entry.js';

/** What a thread works on. */
interface Running {
  readonly worker: Worker;
  resolve(made: MadeTile | null): void;
  reject(error: Error): void;
}

/**
 * The thread that reads and encodes what becomes a tile: the host's own thread would be held for a tenth of a second by
 * each. It is started when there is work, ends when it has had none for a while, and keeps no process alive.
 */
export class TileThread {
  #worker: Worker | null = null;
  #running: Running | null = null;
  #failure: Error | null = null;
  #idle: NodeJS.Timeout | null = null;

  /** Makes a tile; one at a time. @throws what {@link makeTile} does; SyncError `INTERNAL` when the thread dies */
  async make(job: TileJob): Promise<MadeTile | null> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    // A bundle may have none.
    if (worker === null) return (await import('./tile-job.js')).makeTile(job);
    worker.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#running = { worker, resolve, reject };
        worker.postMessage(job);
      });
    } finally {
      this.#running = null;
      worker.unref();
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  /** Ends the thread; resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #start(): Worker | null {
    const program = workerProgram(PROGRAM);
    if (program === null) return null;
    const worker = new Worker(program.entry, {
      name: 'blockferry tiles',
      resourceLimits: LIMITS,
      ...threadOptions(program),
    });
    worker.on('message', (reply: TileReply) => {
      if ('failure' in reply) this.#running?.reject(errorOf(reply.failure));
      else this.#running?.resolve(reply.made);
    });
    worker.on('error', (error) => {
      this.#failure = error;
    });
    worker.once('exit', (code) => {
      worker.removeAllListeners();
      if (this.#worker === worker) this.#worker = null;
      if (this.#running?.worker !== worker) return;
      const message = `The thread that makes tiles ended in the middle of its work (exit code ${code}).`;
      this.#running.reject(new SyncError('INTERNAL', message, { cause: this.#failure ?? undefined }));
      this.#failure = null;
    });
    return worker;
  }
}

function errorOf({ message, stack, code, height, systemCode }: TileFailure): Error {
  const error =
    code === null
      ? Object.assign(new Error(message), systemCode === undefined ? {} : { code: systemCode })
      : new SyncError(code, message, { height });
  if (stack !== undefined) error.stack = stack;
  return error;
}
