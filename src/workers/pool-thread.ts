import { type ResourceLimits, Worker } from 'node:worker_threads';
import { SyncError } from '../errors/index.js';
import { threadOptions, type WorkerProgram } from '../internal/node/worker-program.js';
import { fromMessage, type Reply } from './messages.js';
import type { Parcel } from './transfer.js';

/** What the threads of a pool run. */
export interface ThreadProgram {
  /** The module they begin with: see `serve.ts`. */
  readonly program: WorkerProgram;
  /** What a thread does, for messages: `codec`. */
  readonly name: string;
  /** The module's `workerData`. */
  readonly data: unknown;
  /** What passes its heap's bounds ends the thread alone. */
  readonly limits: ResourceLimits;
}

interface Settle {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** One worker thread. It keeps the process alive while it works, not while it waits. */
export class PoolThread {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #onEnd: () => void;
  #current: Settle | null = null;
  #failure: Error | null = null;

  /** `onEnd` is called once, when the thread is gone. */
  constructor({ program, name, data, limits }: ThreadProgram, onEnd: () => void) {
    this.#name = name;
    this.#onEnd = onEnd;
    this.#worker = new Worker(program.entry, {
      name: `blockferry ${name}`,
      workerData: data,
      resourceLimits: limits,
      ...threadOptions(program),
    });
    this.#worker.on('message', (reply: Reply) => {
      this.#settle(reply);
    });
    this.#worker.on('messageerror', (error) => {
      this.#failure = error;
      void this.#worker.terminate();
    });
    this.#worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#worker.once('exit', (code) => {
      this.#exited(code);
    });
  }

  /** Does one piece of work; there must be no other. Rejects when the thread dies. */
  async run({ content, transfer }: Parcel<unknown>): Promise<unknown> {
    this.#worker.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#current = { resolve, reject };
        this.#worker.postMessage(content, transfer);
      });
    } finally {
      this.#current = null;
      this.#worker.unref();
    }
  }

  /** Ends the thread, in the middle of its work if need be; resolves when it is gone. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    if ('error' in reply) this.#current?.reject(fromMessage(reply.error));
    else this.#current?.resolve(reply.value);
  }

  #exited(code: number): void {
    this.#worker.removeAllListeners();
    this.#onEnd();
    const message = `A ${this.#name} thread ended in the middle of its work (exit code ${code}).`;
    this.#current?.reject(new SyncError('INTERNAL', message, { cause: this.#failure ?? undefined }));
  }
}
