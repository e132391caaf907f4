import { corrupt } from '../manifest-claims.js';

/** A part's members take 150 bytes; there may be others. */
const MAX_PART_TEXT_BYTES = 1024;
/** All members but the parts: 64 signatures take 16 KiB. */
export const MAX_REST_BYTES = 64 * 1024;
const MAX_DEPTH = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COMMA = 0x2c;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const PARTS = Buffer.from('"parts":');
const IS_SPACE = tableOf(' \t\r\n');
/** Bytes behind which white space says nothing. */
const ENDS_ITSELF = tableOf(' {}[],:"');
/** Bytes of a part without white space, escapes and brackets in it. */
const PLAIN = tableOf('":,0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');

function tableOf(bytes: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(bytes)) table[byte] = 1;
  return table;
}

/** Text that is gathered up to a bound. */
class Gathered {
  readonly #buffer: Buffer;
  readonly #what: string;
  #length = 0;

  constructor(maxBytes: number, what: string) {
    this.#buffer = Buffer.allocUnsafe(maxBytes);
    this.#what = what;
  }

  add(byte: number): void {
    if (this.#length === this.#buffer.length)
      throw corrupt(`${this.#what} has more than ${this.#buffer.length} bytes`);
    this.#buffer[this.#length++] = byte;
  }

  endsWith(text: Buffer): boolean {
    const at = this.#length - text.length;
    return at >= 0 && this.#buffer.compare(text, 0, text.length, at, this.#length) === 0;
  }

  get last(): number {
    return this.#buffer[this.#length - 1] ?? 0;
  }

  /** All of it, as a view; it begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

/**
 * Where the reader stands: before the object, in it but not among its parts, where the first or another part may begin, in
 * one, behind one, behind the object. `other` is for what is no object.
 */
type Place = 'begin' | 'rest' | 'first part' | 'part' | 'inside part' | 'behind part' | 'end' | 'other';

/**
 * Cuts the JSON of a manifest, as it comes, into the texts of its parts and what stands around them. Looks at each byte once
 * and builds no values: what it holds is bounded whatever comes. White space outside of strings is left out where
 * it says nothing.
 */
export class ManifestSplitter {
  readonly #onPart: (text: Uint8Array) => void;
  readonly #rest = new Gathered(MAX_REST_BYTES, 'what it says besides its parts');
  readonly #part = new Gathered(MAX_PART_TEXT_BYTES, 'one of its parts');
  #place: Place = 'begin';
  #depth = 0;
  #inString = false;
  #escaped = false;
  #hasParts = false;

  /** @param onPart - gets the text of each part, which holds until it returns. */
  constructor(onPart: (text: Uint8Array) => void) {
    this.#onPart = onPart;
  }

  /** Whether the object has ended, and with it the manifest. */
  get ended(): boolean {
    return this.#place === 'end';
  }

  /** Whether what came is not an object, and nothing of it is taken. */
  get isOther(): boolean {
    return this.#place === 'other';
  }

  /** The object without its parts, once it has ended; their array is there, empty. */
  rest(): Uint8Array {
    return this.#rest.take();
  }

  /** Takes the next bytes. @throws SyncError `SNAPSHOT_CORRUPT`, and what `onPart` throws */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.isOther; at++) {
      const byte = chunk[at] as number;
      const end = byte === OBJECT ? this.#wholePart(chunk, at) : at;
      if (end > at) at = end - 1;
      else if (this.#inString) this.#takeString(byte);
      else if (byte <= SPACE) this.#takeSpace(byte);
      else this.#take(byte);
    }
  }

  /**
   * Takes a part that is in the chunk as servers of this project write it: nearly all are, and byte by byte they take four
   * times as long.
   *
   * @returns the position behind it; the one where it begins when it is another, and nothing was taken.
   */
  #wholePart(chunk: Uint8Array, from: number): number {
    if (this.#inString || (this.#place !== 'first part' && this.#place !== 'part')) return from;
    const end = Math.min(chunk.length, from + MAX_PART_TEXT_BYTES);
    for (let at = from + 1; at < end; at++) {
      const byte = chunk[at] as number;
      if (byte === OBJECT_END) {
        this.#place = 'behind part';
        this.#onPart(chunk.subarray(from, at + 1));
        return at + 1;
      }
      if (PLAIN[byte] === 0) return from;
    }
    return from;
  }

  get #target(): Gathered {
    return this.#place === 'inside part' ? this.#part : this.#rest;
  }

  #takeString(byte: number): void {
    this.#target.add(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  /** What it stands between must not become one number. */
  #takeSpace(byte: number): void {
    if (IS_SPACE[byte] === 0) throw corrupt('a control character stands in it');
    if (this.#depth > 0 && ENDS_ITSELF[this.#target.last] === 0) this.#target.add(SPACE);
  }

  #take(byte: number): void {
    if (this.#place === 'rest' || this.#place === 'inside part') this.#takeJson(byte);
    else if (this.#place === 'begin') this.#begin(byte);
    else if (this.#place === 'end') throw corrupt('something follows it');
    else this.#betweenParts(byte);
  }

  #begin(byte: number): void {
    this.#place = byte === OBJECT ? 'rest' : 'other';
    if (byte === OBJECT) this.#takeJson(byte);
  }

  #takeJson(byte: number): void {
    const target = this.#target;
    if (byte === ARRAY && this.#place === 'rest' && this.#depth === 1 && target.endsWith(PARTS)) {
      this.#beginParts();
      return;
    }
    target.add(byte);
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OBJECT || byte === ARRAY) this.#open();
    else if (byte === OBJECT_END || byte === ARRAY_END) this.#close();
  }

  #open(): void {
    if (++this.#depth > MAX_DEPTH) throw corrupt(`it has more than ${MAX_DEPTH} nested arrays and objects`);
  }

  #close(): void {
    this.#depth--;
    if (this.#place === 'rest' && this.#depth === 0) this.#place = 'end';
    if (this.#place !== 'inside part' || this.#depth !== 2) return;
    this.#place = 'behind part';
    this.#onPart(this.#part.take());
  }

  #beginParts(): void {
    if (this.#hasParts) throw corrupt('it has parts twice');
    this.#hasParts = true;
    this.#rest.add(ARRAY);
    this.#depth = 2;
    this.#place = 'first part';
  }

  #betweenParts(byte: number): void {
    const mayBegin = this.#place === 'first part' || this.#place === 'part';
    if (byte === OBJECT && mayBegin) {
      this.#place = 'inside part';
      this.#takeJson(byte);
    } else if (byte === COMMA && this.#place === 'behind part') this.#place = 'part';
    else if (byte === ARRAY_END && this.#place !== 'part') {
      this.#rest.add(byte);
      this.#depth = 1;
      this.#place = 'rest';
    } else throw corrupt('its parts are not objects with commas between them');
  }
}
