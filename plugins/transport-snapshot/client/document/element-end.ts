import type { Chunk } from './input.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const PLAIN = 0;
const OPENS = 1;
const CLOSES = 2;
const STRING = 3;

/** What a byte outside of strings means for where a value ends. */
const KIND = new Uint8Array(256);
for (const char of '{[') KIND[char.charCodeAt(0)] = OPENS;
for (const char of '}]') KIND[char.charCodeAt(0)] = CLOSES;
KIND[QUOTE] = STRING;

/**
 * Finds where objects end, in bytes that come chunk by chunk. It counts brackets outside of strings and checks nothing
 * else: of a well-formed object it finds the true end, and anything else it cuts into pieces that are not well-formed
 * either.
 */
export class ElementEnd {
  #depth = 0;
  #inString = false;
  #escaped = false;

  /**
   * Goes on with an object, or begins one.
   *
   * @returns the position after its last byte; -1 when it goes on in the next chunk.
   */
  find(chunk: Chunk, from: number): number {
    const { bytes, end } = chunk;
    let depth = this.#depth;
    let i = this.#inString ? this.#resumeString(chunk, from) : from;
    while (i < end) {
      const kind = KIND[bytes[i++] as number];
      if (kind === PLAIN) continue;
      if (kind === STRING) i = this.#string(chunk, i);
      else if (kind === OPENS) depth++;
      else if (--depth === 0) {
        this.#depth = 0;
        return i;
      }
    }
    this.#depth = depth;
    return -1;
  }

  #resumeString(chunk: Chunk, from: number): number {
    const skipped = this.#escaped ? 1 : 0;
    if (chunk.end === from) return from;
    this.#inString = false;
    this.#escaped = false;
    return this.#string(chunk, from + skipped);
  }

  /** @returns the position after the closing quote; the end of the chunk when there is none. */
  #string({ bytes, view, end }: Chunk, from: number): number {
    let i = skipPlain(view, from, end);
    while (i < end) {
      const byte = bytes[i++];
      if (byte === QUOTE) return i;
      if (byte === BACKSLASH) i++;
      i = skipPlain(view, i, end);
    }
    this.#inString = true;
    this.#escaped = i > end;
    return end;
  }
}

/** Skips bytes of a string, four at a time, up to four of which one may be a quote or a backslash. */
function skipPlain(view: DataView, from: number, end: number): number {
  let i = from;
  for (const last = end - 4; i <= last; i += 4) {
    const word = view.getInt32(i, true);
    const marked = (zeroBytes(word ^ 0x22222222) | zeroBytes(word ^ 0x5c5c5c5c)) & 0x80808080;
    if (marked !== 0) return i + ((31 - Math.clz32(marked & -marked)) >> 3);
  }
  return i;
}

/** Marks, with its high bit, every byte of four that is zero. A false mark stands only above a true one. */
function zeroBytes(word: number): number {
  return (word - 0x01010101) & ~word;
}
