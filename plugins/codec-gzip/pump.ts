import type { Transform } from 'node:stream';
import type { Zlib } from 'node:zlib';

/**
 * Drives a zlib stream by pulling: what one write produces is taken before the next write is made, so neither side
 * ever queues more than the stream's own buffers.
 */
export class Pump {
  readonly #engine: Transform & Zlib;
  #failure: Error | null = null;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(engine: Transform & Zlib) {
    this.#engine = engine;
    engine.on('readable', () => {
      this.#wake();
    });
    engine.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    engine.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** Bytes of input that the engine took. */
  get consumed(): number {
    return this.#engine.bytesWritten;
  }

  /** Yields what the chunk produces; ends when all of it was consumed or the compressed data ended. */
  write(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#drain((done) => this.#engine.write(chunk, done));
  }

  /** Yields what is left after the last chunk. */
  finish(): AsyncGenerator<Uint8Array, void, undefined> {
    // No callback: what `end` flushes is over with the 'end' event, not with 'finish'.
    return this.#drain(() => this.#engine.end());
  }

  /** Frees the zlib handle. */
  close(): void {
    this.#engine.destroy();
  }

  async *#drain(start: (done: () => void) => void): AsyncGenerator<Uint8Array, void, undefined> {
    const state = { consumed: false };
    start(() => {
      state.consumed = true;
      this.#wake();
    });
    for (;;) {
      const output = this.#engine.read() as Uint8Array | null;
      if (output !== null) yield output;
      else if (this.#failure !== null) throw this.#failure;
      else if (state.consumed || this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
