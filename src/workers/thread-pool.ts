import { SyncError } from '../errors/index.js';
import { abortError, onAbort } from '../internal/abort.js';
import { PoolThread, type ThreadProgram } from './pool-thread.js';
import type { Parcel } from './transfer.js';

/** Bounds of a {@link ThreadPool}. */
export interface PoolSettings {
  readonly program: ThreadProgram;
  /** Most threads at once, from now on. */
  readonly threads: () => number;
  /** How long a thread without work is kept, in milliseconds. */
  readonly idleMs: number;
}

interface Job {
  readonly request: () => Parcel<unknown>;
  /** Ends the job from outside. */
  stop(error: Error): void;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Threads that take pieces of work in the order in which they came. */
export class ThreadPool {
  readonly #settings: PoolSettings;
  readonly #waiting: Job[] = [];
  readonly #running = new Map<Job, PoolThread>();
  /** The one used last comes last, and is used next: the others get to their end. */
  readonly #idle: { readonly thread: PoolThread; readonly timer: NodeJS.Timeout }[] = [];
  /** All that were started and are not gone yet, those that are being ended too. */
  readonly #alive = new Set<PoolThread>();
  #closed = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /**
   * Does a piece of work on a thread. When the signal fires it is dropped, with its thread if it had begun.
   *
   * @param request - makes what a thread is sent, when there is one for it.
   */
  run(request: () => Parcel<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#closed) return Promise.reject(closed());
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          stopListening();
          settle(value);
        };
      };
      const job: Job = {
        request,
        stop: (error) => {
          this.#stop(job, error);
        },
        resolve: settled(resolve),
        reject: settled(reject),
      };
      const stopListening = onAbort(signal, () => {
        if (signal !== undefined) job.stop(abortError(signal));
      });
      this.#waiting.push(job);
      this.#start();
    });
  }

  /** Calls off all work, ends all threads and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#waiting, ...this.#running.keys()]) job.stop(closed());
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.#alive].map((thread) => thread.end()));
  }

  /** Gives waiting pieces to threads as far as there are any. */
  #start(): void {
    while (this.#running.size < this.#settings.threads()) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      try {
        const thread = this.#takeThread();
        this.#running.set(job, thread);
        void this.#work(job, thread);
      } catch (error) {
        job.reject(error);
      }
    }
  }

  async #work(job: Job, thread: PoolThread): Promise<void> {
    try {
      job.resolve(await thread.run(job.request()));
    } catch (error) {
      job.reject(error);
    } finally {
      // A job that was stopped has left already, and its thread with it.
      if (this.#running.delete(job)) this.#release(thread);
      this.#start();
    }
  }

  #stop(job: Job, error: Error): void {
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    const thread = this.#running.get(job);
    this.#running.delete(job);
    job.reject(error);
    if (thread !== undefined) void thread.end();
    if (!this.#closed) this.#start();
  }

  #takeThread(): PoolThread {
    const last = this.#idle.pop();
    if (last !== undefined) {
      clearTimeout(last.timer);
      return last.thread;
    }
    const thread = new PoolThread(this.#settings.program, () => {
      this.#alive.delete(thread);
      this.#forget(thread);
    });
    this.#alive.add(thread);
    return thread;
  }

  /** Keeps a thread for the next piece, for a while. */
  #release(thread: PoolThread): void {
    if (!this.#alive.has(thread)) return;
    const timer = setTimeout(() => {
      this.#forget(thread);
      void thread.end();
    }, this.#settings.idleMs);
    timer.unref();
    this.#idle.push({ thread, timer });
  }

  #forget(thread: PoolThread): void {
    const place = this.#idle.findIndex((entry) => entry.thread === thread);
    const [entry] = place < 0 ? [] : this.#idle.splice(place, 1);
    clearTimeout(entry?.timer);
  }
}

function closed(): SyncError {
  return new SyncError('ABORTED', 'The worker threads were closed.');
}
