/** The right of a named stream to its place, which its client has to renew. */
export class Lease {
  readonly #ms: number;
  readonly #expired = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #renewedMs = performance.now();
  #isReleased = false;

  constructor(ms: number) {
    this.#ms = ms;
    this.#lookIn(ms);
  }

  /** Fires when it was not renewed in time. */
  get expired(): AbortSignal {
    return this.#expired.signal;
  }

  /** @returns whether it was still good */
  renew(): boolean {
    if (this.expired.aborted) return false;
    this.#renewedMs = performance.now();
    return true;
  }

  /** Nothing expires any more. */
  release(): void {
    this.#isReleased = true;
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      // When the process itself was held up, renewals wait that came in time: they get one turn.
      setImmediate(() => {
        this.#look();
      });
    }, ms).unref();
  }

  /** It was renewed since, or the timer was early: timers count from the beginning of the turn that set them. */
  #look(): void {
    if (this.#isReleased) return;
    const leftMs = this.#renewedMs + this.#ms - performance.now();
    if (leftMs > 0) this.#lookIn(Math.ceil(leftMs));
    else this.#expired.abort();
  }
}

/** A stream that has a name. */
interface Named {
  readonly lease: Lease;
  /** Ends it and gives its place back at once. */
  readonly end: () => void;
}

/**
 * Streams by the names that their clients gave them (protocol section 2.2). A name is a secret: whoever has it may end
 * the stream. There are no more names than places for streams.
 */
export class NamedStreams {
  readonly #leaseMs: number;
  readonly #streams = new Map<string, Named>();

  /** @param leaseMs - how long a name is good without being renewed, in milliseconds. */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** The client of a name is there. @returns whether the name is known here */
  renew(name: string): boolean {
    return this.#streams.get(name)?.lease.renew() ?? false;
  }

  /** The client of a name asks for another stream, and has no use for this one. */
  end(name: string): void {
    this.#streams.get(name)?.end();
  }

  /**
   * Gives a stream its name; one that has it already is ended.
   *
   * @param end - ends the stream and gives its place back at once.
   * @returns the lease, and what takes the name away
   */
  hold(name: string, end: () => void): { readonly lease: Lease; readonly letGo: () => void } {
    this.end(name);
    const named: Named = { lease: new Lease(this.#leaseMs), end };
    this.#streams.set(name, named);
    const letGo = (): void => {
      named.lease.release();
      if (this.#streams.get(name) === named) this.#streams.delete(name);
    };
    return { lease: named.lease, letGo };
  }
}
