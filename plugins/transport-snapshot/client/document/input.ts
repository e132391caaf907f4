import { createHash, type Hash } from 'node:crypto';
import { corrupt } from './corrupt.js';

/** A piece of the document as it came. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Its length. */
  readonly end: number;
}

/** The document's bytes in order: where the reader stands, how many there were, and the hash over them. */
export class Input {
  /** The chunk the reader stands in. */
  chunk: Chunk = chunkOf(new Uint8Array(0));
  /** Position in the chunk. */
  at = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #maxBytes: number;
  #hash: Hash | null = createHash('sha256');
  /** Up to here the chunk is hashed. */
  #hashed = 0;
  #received = 0;

  constructor(source: AsyncIterator<Uint8Array>, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that have come so far. */
  get received(): number {
    return this.#received;
  }

  /** Goes on to the next chunk; what is left of this one is passed over. `false` at the end. */
  async more(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      const { value } = next;
      if (value.length === 0) continue;
      this.#received += value.length;
      if (this.#received > this.#maxBytes) throw corrupt(`it has more than ${this.#maxBytes} bytes`);
      this.#hashChunk();
      this.#hashed = 0;
      this.chunk = chunkOf(value);
      this.at = 0;
      return true;
    }
  }

  /** Gives up the chunk's memory up to the position: what is left is copied, and the rest is not touched any more. */
  letGo(): void {
    const { bytes } = this.chunk;
    this.#hash?.update(bytes.subarray(this.#hashed, this.at));
    this.#hashed = 0;
    this.chunk = chunkOf(bytes.slice(this.at));
    this.at = 0;
  }

  /** The next byte, which is not taken. @throws SyncError `SNAPSHOT_CORRUPT` at the end. */
  async peek(): Promise<number> {
    if (this.at === this.chunk.end && !(await this.more())) throw corrupt('it ends too early');
    return this.chunk.bytes[this.at] as number;
  }

  /** Takes exactly this text. @throws SyncError `SNAPSHOT_CORRUPT` */
  async take(text: string, where: string): Promise<void> {
    for (let index = 0; index < text.length; index++) {
      if ((await this.peek()) !== text.charCodeAt(index)) throw corrupt(`${text} is missing ${where}`);
      this.at++;
    }
  }

  /** The hash over all bytes up to the position, lower-case hex. Later bytes are not hashed. */
  endHash(): string {
    const hash = this.#hash;
    if (hash === null) throw new TypeError('The hash was ended already.');
    hash.update(this.chunk.bytes.subarray(this.#hashed, this.at));
    this.#hash = null;
    return hash.digest('hex');
  }

  #hashChunk(): void {
    this.#hash?.update(this.chunk.bytes.subarray(this.#hashed));
  }
}

/** Views are plain arrays of bytes, whatever they came as. */
function chunkOf({ buffer, byteOffset, byteLength }: Uint8Array): Chunk {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { bytes, end: byteLength };
}
