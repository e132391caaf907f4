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
  readonly names: readonly string[];
  /** Whether other members are refused: what is hashed or signed has no others. */
  readonly exact: boolean;
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const MAX_INTEGER_CHARS = 22;
/** To name one that is not known all of them are read, which takes memory for each. */
const MAX_NAMED = 1_000;

/**
 * The members of one object of a document, each at most once, read in the one form in which they are written. Builds nothing
 * of members that are not asked for. All that is thrown is `BLOCK_MALFORMED` and names the path of the member.
 */
export class Members {
  readonly bytes: Uint8Array;
  readonly path: string;
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

  /** The members of a whole document. @throws SyncError `BLOCK_MALFORMED` */
  static ofBlock(document: Uint8Array, form: Form): Members {
    return new Members(scanBlock(document, { maxDepth: MAX_DEPTH, names: form.names }), '', form);
  }

  /** The members of an object inside a document that a scan has found. @throws SyncError `BLOCK_MALFORMED` */
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

  require(name: string): Span {
    const value = this.find(name);
    if (value === null) throw malformed(this.span.start, `no "${this.pathOf(name)}" in the object`);
    return value;
  }

  object(name: string, form: Form): Members {
    return Members.ofValue(this.bytes, this.require(name), this.pathOf(name), form);
  }

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

  /** Bytes in hexadecimal digits of one case. */
  hex(name: string, letters: 'lower' | 'upper', length: number | null = null): Uint8Array {
    const bytes = hexBytes(this.text(name), letters);
    if (bytes === null || (length !== null && bytes.length !== length))
      throw this.wrong(name, `${length === null ? '' : `${length} bytes in `}${letters}-case hex`);
    return bytes;
  }

  /** Bytes in standard base64 with its padding. */
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
