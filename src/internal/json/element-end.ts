import { MAX_DEPTH } from './scan.js';
import { skipPlain } from './string.js';
import { BACKSLASH, MULTIBYTE, PLAIN, QUOTE, STRING_KIND } from './tables.js';

/** What a byte means outside of strings. */
const OTHER = 0;
const OPENS = 1;
const CLOSES = 2;
const STARTS_STRING = 3;
const FORBIDDEN = 4;

/** Nothing but a tab is allowed of the control characters: a document is one line. */
const KIND = new Uint8Array(256);
KIND.fill(FORBIDDEN, 0, 0x20);
KIND[0x09] = OTHER;
KIND[0x22] = STARTS_STRING;
for (const opener of '{[') KIND[opener.charCodeAt(0)] = OPENS;
for (const closer of '}]') KIND[closer.charCodeAt(0)] = CLOSES;

/** Finds the end of an object that comes in pieces. Ready for the next object after each one. */
export class ElementEnd {
  /** What is wrong with the object; `null` for nothing. */
  fault: string | null = null;
  readonly #closers = new Uint8Array(MAX_DEPTH);
  #depth = 0;
  #inString = false;
  /** The next byte is the one behind a backslash. */
  #escaped = false;

  /** Whether an object has begun and not ended. */
  get open(): boolean {
    return this.#depth > 0;
  }

  /**
   * Goes on through an object; its first byte is an opening bracket.
   *
   * @returns the position after the object, or the end of the chunk when it goes on; a fault ends the search.
   */
  scan(chunk: Uint8Array, from: number): number {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let i = from;
    while (i < chunk.length && this.fault === null) {
      i = this.#inString ? this.#string(chunk, view, i) : this.#structure(chunk, i);
      if (this.#depth === 0) break;
    }
    return i;
  }

  /** Up to the start of a string, or the end of the object. */
  #structure(chunk: Uint8Array, from: number): number {
    for (let i = from; i < chunk.length; i++) {
      const kind = KIND[chunk[i] as number];
      if (kind === OTHER) continue;
      if (kind === STARTS_STRING) {
        this.#inString = true;
        return i + 1;
      }
      if (!this.#bracket(chunk[i] as number, kind)) return i + 1;
    }
    return chunk.length;
  }

  /** @returns whether the object goes on */
  #bracket(byte: number, kind: number | undefined): boolean {
    if (kind === OPENS && this.#depth < MAX_DEPTH) {
      this.#closers[this.#depth++] = byte + 2;
      return true;
    }
    if (kind === CLOSES && byte === this.#closers[this.#depth - 1]) return --this.#depth > 0;
    if (kind === OPENS) this.fault = `it has more than ${MAX_DEPTH} nested arrays and objects`;
    else this.fault = kind === CLOSES ? 'a bracket closes what it did not open' : CONTROL_FAULT;
    return false;
  }

  /** Up to the end of the string, or its next backslash. */
  #string(chunk: Uint8Array, view: DataView, from: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      if ((chunk[i] as number) < 0x20) this.fault = CONTROL_FAULT;
      i++;
    }
    while (i < chunk.length) {
      const kind = STRING_KIND[chunk[i] as number] as number;
      if (kind === MULTIBYTE) i++;
      else if (kind === PLAIN) i = skipPlain(view, i + 1, chunk.length);
      else return this.#special(kind, i + 1);
    }
    return i;
  }

  #special(kind: number, next: number): number {
    if (kind === QUOTE) this.#inString = false;
    else if (kind === BACKSLASH) this.#escaped = true;
    else this.fault = CONTROL_FAULT;
    return next;
  }
}

const CONTROL_FAULT = 'a raw line break or control character stands in it';
