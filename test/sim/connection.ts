import type { Random } from './random.js';

/** What becomes of a body: it breaks, falls silent without an end, or ends as if all had been sent. */
export type BodyFault = 'cut' | 'silence' | 'end';

/** Largest piece that one read gets, in bytes. */
const MAX_PIECE_BYTES = 4096;

/** How the body of one answer comes through. */
export interface ConnectionOptions {
  readonly body: AsyncIterable<Uint8Array>;
  readonly random: Random;
  /** The client's. */
  readonly signal: AbortSignal | null;
  /** Whether the head of the answer states how long the body is: one that ends early is then seen to be cut. */
  readonly hasLength: boolean;
  /** Waits before each piece, in milliseconds; `null` for none. */
  readonly dripMs: number | null;
  /** Runs once, when it is over, whoever has ended it. */
  readonly onEnd: (connection: Connection) => void;
}

/** One body under way between a server and a client. It is read only as fast as the client takes it. */
export class Connection {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: ConnectionOptions;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #held: Uint8Array | null = null;
  #fault: { readonly kind: BodyFault; left: number } | null = null;
  #isSilent = false;
  #isOver = false;
  #stopDrip = (): void => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#iterator = options.body[Symbol.asyncIterator]();
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#end();
        },
      },
      { highWaterMark: 0 },
    );
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Something happens to the body after so many more bytes; at once with 0, also while nothing is sent. */
  fail(kind: BodyFault, afterBytes: number): void {
    this.#fault ??= { kind, left: afterBytes };
    if (this.#fault.left === 0) this.#break(this.#fault.kind);
  }

  /** What was to happen later does not; what is held up by a fault that has struck breaks now, and not at some time limit. */
  mend(): void {
    this.#fault = null;
    if (this.#isSilent || this.#options.dripMs !== null) this.#break('cut');
  }

  readonly #onAbort = (): void => {
    this.#error(this.#options.signal?.reason);
  };

  async #pull(): Promise<void> {
    const { dripMs } = this.#options;
    try {
      if (dripMs !== null) await this.#wait(dripMs);
      if (!this.#isOpen()) return;
      const chunk = this.#held ?? (await this.#next());
      if (!this.#isOpen()) return;
      if (chunk === null) this.#close();
      else this.#give(chunk);
    } catch (error) {
      this.#error(error);
    }
  }

  #isOpen(): boolean {
    return !this.#isOver && !this.#isSilent;
  }

  async #next(): Promise<Uint8Array | null> {
    const result = await this.#iterator.next();
    return result.done === true ? null : result.value;
  }

  #give(chunk: Uint8Array): void {
    const { random } = this.#options;
    const most = random.chance(0.8) ? chunk.length : random.int(1, MAX_PIECE_BYTES);
    const length = Math.min(chunk.length, most, this.#fault?.left ?? Infinity);
    this.#held = length < chunk.length ? chunk.subarray(length) : null;
    // A copy, as a network makes one: what the server does with its buffers is its own business.
    this.#controller?.enqueue(chunk.slice(0, length));
    if (this.#fault === null) return;
    this.#fault.left -= length;
    if (this.#fault.left === 0) this.#break(this.#fault.kind);
  }

  #break(kind: BodyFault): void {
    if (this.#isOver) return;
    if (kind === 'silence') this.#isSilent = true;
    else if (kind === 'end' && !this.#options.hasLength) this.#close();
    else this.#error(new TypeError('terminated', { cause: new Error('other side closed') }));
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopDrip = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #close(): void {
    if (this.#isOver) return;
    this.#controller?.close();
    this.#end();
  }

  #error(reason: unknown): void {
    if (this.#isOver) return;
    this.#controller?.error(reason);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopDrip();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.onEnd(this);
    this.#iterator.return?.().catch(() => undefined);
  }
}
