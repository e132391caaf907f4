import { Worker } from 'node:worker_threads';
import { SyncError } from '../errors/index.js';
import { fromMessage, type Reply, type Request, type WorkerModule } from './messages.js';
import { outgoing } from './transfer.js';

/** The codecs' own memory is not on the heap, so little is needed there; what passes it ends the thread alone. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** A thread takes on its process's options. This one is for a program given on the command line, and refuses a file. */
const PROGRAM_OPTION = '--input-type';

const ENTRY = new URL('./thread.js', import.meta.url);

interface Settle {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** One worker thread. It keeps the process alive while it works, not while it waits. */
export class CodecThread {
  readonly #worker: Worker;
  readonly #onEnd: () => void;
  #current: Settle | null = null;
  #failure: Error | null = null;

  /** `onEnd` is called once, when the thread is gone. */
  constructor(modules: readonly WorkerModule[], onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(ENTRY, {
      name: 'blockferry codec',
      workerData: modules,
      resourceLimits: LIMITS,
      ...(process.execArgv.some((option) => option.startsWith(PROGRAM_OPTION)) ? { execArgv: [] } : {}),
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
  async run(request: Request): Promise<unknown> {
    const { content, transfer } = outgoing(request);
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
    const message = `A codec thread ended in the middle of its work (exit code ${code}).`;
    this.#current?.reject(new SyncError('INTERNAL', message, { cause: this.#failure ?? undefined }));
  }
}
