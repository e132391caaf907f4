import { HEARTBEAT } from './format.js';

/** Who waits, and until when. */
interface Waiter {
  readonly until: number;
  readonly expired: () => void;
}

/** One timer for all that wait for the same time: the oldest waiter is always the first to expire. */
export class SharedTimeout {
  readonly #ms: number;
  /** In the order in which they began to wait. */
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | null = null;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Calls back once after the time, unless the returned function is called before. */
  start(expired: () => void): () => void {
    const waiter = { until: performance.now() + this.#ms, expired };
    this.#waiters.add(waiter);
    if (this.#timer === null) this.#arm(this.#ms);
    return () => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size > 0 || this.#timer === null) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    };
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#fire();
    }, ms);
  }

  #fire(): void {
    const now = performance.now();
    this.#timer = null;
    for (const waiter of this.#waiters) {
      const left = waiter.until - now;
      // Timers may fire a moment early.
      if (left >= 1) {
        this.#arm(left);
        return;
      }
      this.#waiters.delete(waiter);
      waiter.expired();
    }
  }
}

type Result = IteratorResult<Uint8Array, undefined>;

/**
 * The same chunks, with a comment wherever there is none for so long. Not a generator: each block would take several
 * turns more for each of the clients.
 */
export function withHeartbeats(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  silence: SharedTimeout,
): AsyncIterableIterator<Uint8Array, undefined> {
  return new Heartbeats(chunks, silence);
}

/** What came from the chunks: a result, or what failed. */
type Arrival = Result | Promise<Result>;

class Heartbeats implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #silence: SharedTimeout;
  #pulling = false;
  /** Came while nobody waited. */
  #arrived: Arrival | null = null;
  #deliver: ((arrival: Arrival) => void) | null = null;

  constructor(chunks: AsyncGenerator<Uint8Array, void, undefined>, silence: SharedTimeout) {
    this.#chunks = chunks;
    this.#silence = silence;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One call at a time. */
  next(): Promise<Result> {
    return new Promise((resolve) => {
      const stop = this.#silence.start(() => {
        this.#deliver = null;
        resolve({ done: false, value: HEARTBEAT });
      });
      this.#deliver = (arrival) => {
        stop();
        resolve(arrival);
      };
      if (this.#arrived !== null) this.#settle(this.#arrived);
      else if (!this.#pulling) this.#pull();
    });
  }

  async return(): Promise<Result> {
    await this.#chunks.return();
    return { done: true, value: undefined };
  }

  #pull(): void {
    this.#pulling = true;
    const next = this.#chunks.next() as Promise<Result>;
    next.then(
      (result) => {
        this.#settle(result);
      },
      () => {
        this.#settle(next);
      },
    );
  }

  #settle(arrival: Arrival): void {
    const deliver = this.#deliver;
    this.#pulling = false;
    this.#deliver = null;
    this.#arrived = deliver === null ? arrival : null;
    deliver?.(arrival);
  }
}
