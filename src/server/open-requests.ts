import { onAbort } from '../internal/abort.js';

/** The requests under way, and how they end: with their answers, with their clients, or with the server. */
export class OpenRequests {
  readonly #open = new Set<OpenRequest>();
  /** A request has left. */
  #onLeft: () => void = () => undefined;

  /**
   * Takes a request in.
   *
   * @param signal - fires when the client has gone.
   * @param freeSlot - gives the request's place back; runs when it is over, once or more.
   */
  add(signal: AbortSignal, freeSlot: () => void): OpenRequest {
    const request = new OpenRequest(() => {
      this.#open.delete(request);
      freeSlot();
      this.#onLeft();
    });
    this.#open.add(request);
    request.endWith(signal);
    return request;
  }

  /** Ends all bodies that have no end at once, and the whole ones once `graceMs` (milliseconds) are over. */
  async stop(graceMs: number): Promise<void> {
    for (const request of [...this.#open]) if (!request.isWhole) request.stop();
    if (graceMs > 0) await this.#answered(graceMs);
    for (const request of [...this.#open]) if (request.isWhole) request.stop();
  }

  /** Resolves when the answers under way have ended, or after that time. */
  #answered(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onLeft = () => {
        if ([...this.#open].some(({ isWhole }) => isWhole)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onLeft();
    });
  }
}

/** One request under way. */
export class OpenRequest {
  readonly #controller = new AbortController();
  readonly #onLeft: () => void;
  #stopListening: () => void = () => undefined;
  /** The endless body that is being sent: its `return` ends it also where it does not listen to the signal. */
  #body: AsyncIterator<Uint8Array> | null = null;
  #isWhole = false;
  #letGo: () => void = () => undefined;

  /** @param onLeft - runs when it is over, once or more. */
  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** Fires when the client has gone, or the server ends it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether a body is being sent that has an end: one that is cut short would pass for a whole, or be in vain. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Ends it when its client has gone. @param client - fires then */
  endWith(client: AbortSignal): void {
    this.#stopListening = onAbort(client, () => {
      this.#leave();
      this.#controller.abort(client.reason);
    });
  }

  /** Its client has given it a name. @param letGo - takes the name away; runs when the request is over */
  named(letGo: () => void): void {
    this.#letGo = letGo;
  }

  /** Ends it from the server's side. */
  stop(): void {
    this.#controller.abort();
    this.#body?.return?.().catch(() => undefined);
  }

  /** Gives back what the request holds; more calls than one do no harm. */
  end(): void {
    this.#stopListening();
    this.#leave();
  }

  /**
   * The body, which ends its request however it ends, and whose bytes are added to `sent`. Not a generator: one that was not started yet would run nothing at
   * `return`, and one that waits would answer `return` only after it.
   */
  sending(
    body: AsyncIterable<Uint8Array>,
    { isWhole, sent }: { readonly isWhole: boolean; readonly sent: { bytes: number } },
  ): AsyncIterable<Uint8Array> {
    this.#isWhole = isWhole;
    return { [Symbol.asyncIterator]: () => this.#guarded(body[Symbol.asyncIterator](), sent) };
  }

  #leave(): void {
    this.#letGo();
    this.#onLeft();
  }

  #guarded(inner: AsyncIterator<Uint8Array>, sent: { bytes: number }): AsyncIterator<Uint8Array> {
    // A whole that ended early would pass for one.
    if (!this.#isWhole) this.#body = inner;
    const settle = (result: IteratorResult<Uint8Array>): IteratorResult<Uint8Array> => {
      if (result.done === true) this.end();
      else sent.bytes += result.value.length;
      return result;
    };
    const fail = (error: unknown): never => {
      this.end();
      throw error;
    };
    return {
      // Not async: it is called for each block and each client.
      next() {
        try {
          return inner.next().then(settle, fail);
        } catch (error) {
          return fail(error);
        }
      },
      return: async () => {
        this.end();
        this.#controller.abort();
        await inner.return?.();
        return { done: true, value: undefined };
      },
    };
  }
}
