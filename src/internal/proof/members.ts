import {
  type Document,
  elements,
  isNull,
  malformed,
  MAX_DEPTH,
  optionalMember,
  readPlainString,
  readRaw,
  readString,
  scanBlock,
  scanObject,
  type Span,
} from '../json/index.js';
import { base64Bytes, hexBytes } from './text.js';

/** Names of the members that an object may have. The arrays are kept: they must be the same ones each time. */
export interface Form {
  /** Members that are asked for: each may be there once. An array that is made once, not in each call. */
  readonly names: readonly string[];
  /** Whether other members are refused: what is hashed or signed has no others. */
  readonly exact: boolean;
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const MAX_INTEGER_CHARS = 22;
/** To name one that is not known all of them are read, which takes memory for each. */
const MAX_NAMED = 1_000;

/** Visible ASCII: a hash also travels in a query and in a header line. */
const VISIBLE = /^[!-~]{1,256}$/;

/**
 * The members of one object of a document, each at most once, read in the one form in which they are written. Builds nothing
 * of members that are not asked for. All that its methods throw is a `SyncError` of the code `BLOCK_MALFORMED` that names the
 * path of the member and where it stands.
 */
export class Members {
  /** Of the whole document. */
  readonly bytes: Uint8Array;
  /** Of the object, as errors name it: `''` for the document, else `header` or `data.items[3]`. */
  readonly path: string;
  /** Where the object stands in the bytes, from its `{` to behind its `}`. */
  readonly span: Span;
  readonly #document: Document;

  private constructor(document: Document, path: string, { names, exact }: Form) {
    this.bytes = document.bytes;
    this.path = path;
    this.span = document.span;
    this.#document = document;
    for (const name of names) optionalMember(document, name);
    if (exact && document.count > document.members.size) throw this.#unknown();
  }

  /**
   * The members of a whole document: one JSON object in UTF-8 on one line, at most 64 levels deep, with nothing before or behind
   * it, all of it checked.
   *
   * @throws SyncError `BLOCK_MALFORMED`
   */
  static ofBlock(document: Uint8Array, form: Form): Members {
    return new Members(scanBlock(document, { maxDepth: MAX_DEPTH, names: form.names }), '', form);
  }

  /**
   * The members of an object inside a document that was checked.
   *
   * @param value - as `find` or `values` has given it.
   * @param path - of the object, for errors.
   * @throws SyncError `BLOCK_MALFORMED` for another kind of value, and for a member that is there twice
   */
  static ofValue(bytes: Uint8Array, value: Span, path: string, form: Form): Members {
    if (bytes[value.start] !== 0x7b) throw malformed(value.start, `no object in "${path}"`);
    const document = scanObject(bytes, value, { maxDepth: MAX_DEPTH, names: form.names });
    return new Members(document, path, form);
  }

  /** Where a value stands; `null` when there is none, or it is `null`. */
  find(name: string): Span | null {
    const value = this.#document.members.get(name) ?? null;
    return value === null || isNull(this.bytes, value) ? null : value;
  }

  /** Where a value stands. @throws SyncError `BLOCK_MALFORMED` when there is none, or it is `null` */
  require(name: string): Span {
    const value = this.find(name);
    if (value === null) throw malformed(this.span.start, `no "${this.pathOf(name)}" in the object`);
    return value;
  }

  /** The members of an object in this one. @throws SyncError `BLOCK_MALFORMED` */
  object(name: string, form: Form): Members {
    return Members.ofValue(this.bytes, this.require(name), this.pathOf(name), form);
  }

  /** The same; `null` where it is missing or `null`. @throws SyncError `BLOCK_MALFORMED` */
  optionalObject(name: string, form: Form): Members | null {
    return this.find(name) === null ? null : this.object(name, form);
  }

  /** The elements of an array, of which there are at most so many; none for `null` and where it is missing. */
  *values(name: string, most = Infinity): Generator<Span> {
    const value = this.find(name);
    if (value === null) return;
    if (this.bytes[value.start] !== 0x5b) throw this.wrong(name, 'array');
    let count = 0;
    for (const element of elements(this.bytes, value)) {
      if (count++ === most) throw this.wrong(name, `array of at most ${most} items`);
      yield element;
    }
  }

  /** The elements of an array of objects, of which there are at most so many. */
  *objects(name: string, form: Form, most = Infinity): Generator<Members> {
    let at = 0;
    for (const value of this.values(name, most))
      yield Members.ofValue(this.bytes, value, `${this.pathOf(name)}[${at++}]`, form);
  }

  /** A string without escapes. */
  text(name: string): string {
    const text = readPlainString(this.bytes, this.require(name));
    if (text === null) throw this.wrong(name, 'plain string');
    return text;
  }

  /** A string, its escapes resolved. */
  string(name: string): string {
    const text = readString(this.bytes, this.require(name));
    if (text === null) throw this.wrong(name, 'string');
    return text;
  }

  /** A JSON integer or a string of one, in its one spelling, of 64 bits. */
  integer(name: string): bigint {
    const value = this.require(name);
    const isShort = value.end - value.start <= MAX_INTEGER_CHARS;
    const text = isShort ? (readPlainString(this.bytes, value) ?? readRaw(this.bytes, value)) : '';
    if (!INTEGER.test(text)) throw this.wrong(name, 'integer');
    return BigInt(text);
  }

  /** An integer that a number can hold. */
  safeInteger(name: string, min: number, max: number): number {
    const value = Number(this.integer(name));
    if (value < min || value > max) throw this.wrong(name, `integer from ${min} to ${max}`);
    return value;
  }

  /** A height: an integer from 0 to 2^53−1, as a number or a string. */
  height(name: string): number {
    return this.safeInteger(name, 0, Number.MAX_SAFE_INTEGER);
  }

  /** A hash as text: 1 to 256 visible ASCII characters without escapes. */
  hash(name: string): string {
    const text = this.text(name);
    if (!VISIBLE.test(text)) throw this.wrong(name, 'hash of 1 to 256 visible characters');
    return text;
  }

  /** Bytes in hexadecimal digits of one case. @param length - how many there must be; `null` for any number */
  hex(name: string, letters: 'lower' | 'upper', length: number | null = null): Uint8Array {
    const bytes = hexBytes(this.text(name), letters);
    if (bytes === null || (length !== null && bytes.length !== length))
      throw this.wrong(name, `${length === null ? '' : `${length} bytes in `}${letters}-case hex`);
    return bytes;
  }

  /** Bytes in standard base64 with its padding. @param length - how many there must be; `null` for any number */
  base64(name: string, length: number | null = null): Uint8Array {
    return this.base64At(this.require(name), name, length);
  }

  /** The same for a value in an array. */
  base64At(value: Span, name: string, length: number | null = null): Uint8Array {
    const text = readPlainString(this.bytes, value);
    const bytes = text === null ? null : base64Bytes(text);
    if (bytes === null || (length !== null && bytes.length !== length))
      throw this.wrong(name, `${length === null ? '' : `${length} bytes in `}base64`, value);
    return bytes;
  }

  /** The error for a value that is not what it has to be. */
  wrong(name: string, wanted: string, value: Span | null = this.find(name)): Error {
    return malformed((value ?? this.span).start, `no ${wanted} in "${this.pathOf(name)}"`);
  }

  /** Refuses members that the form doesn't have. @throws SyncError `BLOCK_MALFORMED` */
  requireKnown(): void {
    if (this.#document.count > this.#document.members.size) throw this.#unknown();
  }

  #unknown(): Error {
    const { count, members: known } = this.#document;
    if (count > MAX_NAMED)
      return malformed(
        this.span.start,
        `${count} members in ${this.path === '' ? 'the document' : `"${this.path}"`}, some of them unknown,`,
      );
    const { members } = scanObject(this.bytes, this.span, { maxDepth: MAX_DEPTH });
    const name = [...members.keys()].find((one) => !known.has(one)) ?? '';
    return malformed(this.span.start, `an unknown member "${this.pathOf(name)}" in the object`);
  }

  /** The path of a member, as errors name it. */
  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}
