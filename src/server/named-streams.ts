/** The right of a named stream to its place, which its client has to renew. */
export class Lease {
  readonly #ms: number;
  readonly #expired = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewedMs = performance.now();

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = setTimeout(() => {
      // When the process itself was held up, renewals wait that came in time: they get one turn.
      setImmediate(() => {
        this.#look();
      });
    }, ms).unref();
  }

  /** Fires when it was not renewed in time. */
  get expired(): AbortSignal {
    return this.#expired.signal;
  }

  /** @returns whether it was still good */
  renew(): boolean {
    if (this.expired.aborted) return false;
    this.#renewedMs = performance.now();
    this.#timer.refresh();
    return true;
  }

  /** Nothing expires any more. */
  release(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    // Timers may fire a moment early.
    if (performance.now() - this.#renewedMs >= this.#ms - 1) this.#expired.abort();
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
