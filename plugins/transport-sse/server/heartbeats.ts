import { HEARTBEAT } from './format.js';

/** Who waits, and until when. */
export interface Waiter {
  /** Set when the wait begins. */
  until: number;
  expired(): void;
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

  /** Calls back once after the time, unless it is stopped before. */
  start(waiter: Waiter): void {
    waiter.until = performance.now() + this.#ms;
    this.#waiters.add(waiter);
    if (this.#timer === null) this.#arm(this.#ms);
  }

  stop(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
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

/** Chunks of which the newest can be had without a turn of the generator. */
export interface HeadChunks {
  /** @param onReady - called when `take` may have something. */
  run(onReady: () => void): AsyncGenerator<Uint8Array, void, undefined>;
  /** What comes next while the generator waits for changes; `null` when it has to go on itself, or for nothing new. */
  take(): Uint8Array | null;
}

/**
 * The same chunks, with a comment wherever there is none for so long. Not a generator: each block would take several
 * turns more for each of the clients.
 *
 * @param isGreeted - whether a comment comes first, and at once: where it does not arrive, something on the way holds back
 *   what is sent.
 */
export function withHeartbeats(
  chunks: HeadChunks,
  silence: SharedTimeout,
  isGreeted: boolean,
): AsyncIterableIterator<Uint8Array, undefined> {
  return new Heartbeats(chunks, silence, isGreeted);
}

/** What came from the chunks: a result, or what failed. */
type Arrival = Result | Promise<Result>;

class Heartbeats implements AsyncIterableIterator<Uint8Array, undefined>, Waiter {
  until = 0;
  readonly #source: HeadChunks;
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #silence: SharedTimeout;
  #pulling = false;
  /** Came while nobody waited. */
  #arrived: Arrival | null = null;
  #deliver: ((arrival: Arrival) => void) | null = null;
  readonly #wait = (resolve: (arrival: Arrival) => void): void => {
    this.#deliver = resolve;
    this.#silence.start(this);
  };

  constructor(source: HeadChunks, silence: SharedTimeout, isGreeted: boolean) {
    if (isGreeted) this.#arrived = { done: false, value: HEARTBEAT };
    this.#source = source;
    this.#silence = silence;
    this.#chunks = source.run(() => {
      this.#ready();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One call at a time. */
  next(): Promise<Result> {
    const ready = this.#arrived ?? this.#taken();
    this.#arrived = null;
    if (ready !== null) return Promise.resolve(ready);
    if (!this.#pulling) this.#pull();
    return new Promise(this.#wait);
  }

  async return(): Promise<Result> {
    await this.#chunks.return();
    return { done: true, value: undefined };
  }

  expired(): void {
    const deliver = this.#deliver;
    this.#deliver = null;
    deliver?.({ done: false, value: HEARTBEAT });
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
    this.#pulling = false;
    if (this.#deliver === null) this.#arrived = arrival;
    else this.#give(arrival);
  }

  /** Only for whoever waits: what a slow client has not asked for yet stays with the others' blocks. */
  #ready(): void {
    const taken = this.#deliver === null ? null : this.#taken();
    if (taken !== null) this.#give(taken);
  }

  #taken(): Result | null {
    const value = this.#source.take();
    return value === null ? null : { done: false, value };
  }

  #give(arrival: Arrival): void {
    const deliver = this.#deliver;
    this.#deliver = null;
    this.#silence.stop(this);
    deliver?.(arrival);
  }
}
