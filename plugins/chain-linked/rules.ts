import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import { parseHeight } from '../../src/internal/height.js';
import {
  isNull,
  malformed,
  plainStringSpan,
  readPlainString,
  readRaw,
  type Span,
} from '../../src/internal/json/index.js';
import { requireExpected } from '../../src/internal/expected-block.js';
import type { LinkedOptions } from './options.js';
import { PathReader, type PathValues } from './paths.js';
import { readTimestamp } from './timestamp.js';

const MAX_HASH_BYTES = 256;
/** Visible ASCII: a hash also travels in a query and in a header line. */
const VISIBLE = /^[!-~]+$/;
const HEX_HEIGHT = /^0x(?:0|[1-9a-f][0-9a-f]{0,13})$/;
const LONGEST_HEIGHT = 18;
const EMPTY_STRING_BYTES = 2;
const QUOTE = 0x22;

/** The rules that `linked` registers. */
export class LinkedRules implements ChainRules {
  readonly id: string;
  readonly selfCertifying = false;
  readonly covers = 'part';
  readonly proves = ['links'];
  readonly authorship = 'none';
  readonly genesisPreviousHash = null;
  readonly #names: LinkedOptions;
  readonly #paths: PathReader;

  constructor(id: string, names: LinkedOptions) {
    this.id = id;
    this.#names = names;
    const { height, hash, previousHash, timestamp = null } = names;
    this.#paths = new PathReader([height, hash, previousHash, ...(timestamp === null ? [] : [timestamp])]);
  }

  describe(document: Uint8Array): BlockHeader {
    const values = this.#paths.read(document);
    const { height, hash, previousHash } = this.#names;
    return {
      height: heightOf(document, requiredValue(values, height), height),
      hash: hashOf(document, requiredValue(values, hash), hash),
      previousHash: parentOf(document, values.valueOf(previousHash), previousHash),
      timestamp: this.#timestamp(document, values),
    };
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const header = this.describe(document);
    requireExpected(header, expected);
    return header;
  }

  #timestamp(document: Uint8Array, values: PathValues): number | null {
    const { timestamp = null, timestampUnit = null } = this.#names;
    if (timestamp === null || timestampUnit === null) return null;
    const value = values.valueOf(timestamp);
    return value === null ? null : readTimestamp(document, value, timestampUnit);
  }
}

function requiredValue(values: PathValues, path: string): Span {
  const value = values.valueOf(path);
  if (value === null) throw malformed(0, `no member "${path}" in the object that starts`);
  return value;
}

function heightOf(bytes: Uint8Array, value: Span, name: string): number {
  const height = value.end - value.start > LONGEST_HEIGHT ? null : readHeight(bytes, value);
  if (height === null)
    throw malformed(value.start, `no height from 0 to 2^53-1 in canonical form in "${name}"`);
  return height;
}

/** First blocks have no parent; in any other block this is the hash of none. */
function parentOf(bytes: Uint8Array, value: Span | null, name: string): string {
  if (value === null || isNull(bytes, value)) return '';
  return value.end - value.start === EMPTY_STRING_BYTES && bytes[value.start] === QUOTE
    ? ''
    : hashOf(bytes, value, name);
}

function readHeight(bytes: Uint8Array, value: Span): number | null {
  const text = readPlainString(bytes, value);
  if (text === null) return parseHeight(readRaw(bytes, value));
  if (!HEX_HEIGHT.test(text)) return parseHeight(text);
  const height = Number(text);
  return Number.isSafeInteger(height) ? height : null;
}

function hashOf(bytes: Uint8Array, value: Span, name: string): string {
  const span = plainStringSpan(bytes, value);
  const fits = span !== null && span.end - span.start <= MAX_HASH_BYTES;
  const text = fits ? readRaw(bytes, span) : '';
  if (!VISIBLE.test(text)) {
    throw malformed(value.start, `no string of 1 to ${MAX_HASH_BYTES} plain characters in "${name}"`);
  }
  return text;
}
