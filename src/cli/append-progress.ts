import type { Frame } from '../contracts/index.js';
import type { Chain } from '../chain/chain.js';
import { ProgressMeter } from '../engine/events/progress.js';
import type { Reporter } from './reporter.js';
import { throttled } from './throttle.js';
import { bytesText } from './units.js';

/** Counts and tells what becomes durable while an input is appended. */
export class AppendProgress {
  readonly #out: Reporter;
  readonly #chain: Chain;
  readonly #totalBytes: number | null;
  readonly #meter = new ProgressMeter(() => performance.now());
  readonly #tell = throttled(() => {
    this.tell();
  });
  #inputBytes = 0;

  /** @param totalBytes - size of the input; `null` while unknown. */
  constructor(out: Reporter, chain: Chain, totalBytes: number | null) {
    this.#out = out;
    this.#chain = chain;
    this.#totalBytes = totalBytes;
    this.#meter.place(chain.tip().head?.height ?? null, null);
  }

  /** Blocks that became durable. */
  get blocks(): number {
    return this.#meter.current().blocks;
  }

  /** How much of the input was read, in words. */
  get readText(): string {
    const total = this.#totalBytes === null ? '' : ` of ${bytesText(this.#totalBytes)}`;
    return `${bytesText(this.#inputBytes)}${total} read`;
  }

  /** Counts the bytes of the input as they go by. */
  async *count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.#inputBytes += chunk.byteLength;
      yield chunk;
    }
  }

  /** A batch became durable. */
  committed(frames: readonly Frame[]): void {
    const { head, finalized } = this.#chain.tip();
    if (head === null) return;
    let bytes = 0;
    for (const frame of frames) bytes += frame.bytes.byteLength;
    this.#meter.add(frames.length, bytes, head.height);
    this.#out.emit({ type: 'checkpoint', head, finalized });
    this.#tell();
  }

  /** Tells the figures now. */
  tell(): void {
    this.#out.emit({
      type: 'progress',
      ...this.#meter.sample(),
      inputBytes: this.#inputBytes,
      inputTotalBytes: this.#totalBytes,
    });
  }
}
