import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import { parseHeight } from '../../src/internal/height.js';
import {
  type Document,
  malformed,
  MAX_DEPTH,
  plainStringSpan,
  readPlainString,
  readRaw,
  requiredMember,
  scanBlock,
  type ScanOptions,
  type Span,
} from '../../src/internal/json/index.js';
import { requireExpected } from '../../src/internal/expected-block.js';
import type { LinkedOptions } from './options.js';

const MAX_HASH_BYTES = 256;
/** Visible ASCII: a hash also travels in a query and in a header line. */
const VISIBLE = /^[!-~]+$/;
const HEX_HEIGHT = /^0x(?:0|[1-9a-f][0-9a-f]{0,13})$/;
const LONGEST_HEIGHT = 18;

/** The rules that `linked` registers. */
export class LinkedRules implements ChainRules {
  readonly id: string;
  readonly selfCertifying = false;
  readonly covers = 'part';
  readonly proves = ['links'];
  readonly authorship = 'none';
  readonly genesisPreviousHash = null;
  readonly #names: LinkedOptions;
  readonly #scan: ScanOptions;

  constructor(id: string, names: LinkedOptions) {
    this.id = id;
    this.#names = names;
    this.#scan = { maxDepth: MAX_DEPTH, names: [names.height, names.hash, names.previousHash] };
  }

  describe(document: Uint8Array): BlockHeader {
    const scan = scanBlock(document, this.#scan);
    return {
      height: heightOf(scan, this.#names.height),
      hash: hashOf(scan, this.#names.hash),
      previousHash: hashOf(scan, this.#names.previousHash),
      timestamp: null,
    };
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const header = this.describe(document);
    requireExpected(header, expected);
    return header;
  }
}

function heightOf(scan: Document, name: string): number {
  const value = requiredMember(scan, name);
  const height = value.end - value.start > LONGEST_HEIGHT ? null : readHeight(scan.bytes, value);
  if (height === null)
    throw malformed(value.start, `no height from 0 to 2^53-1 in canonical form in "${name}"`);
  return height;
}

function readHeight(bytes: Uint8Array, value: Span): number | null {
  const text = readPlainString(bytes, value);
  if (text === null) return parseHeight(readRaw(bytes, value));
  if (!HEX_HEIGHT.test(text)) return parseHeight(text);
  const height = Number(text);
  return Number.isSafeInteger(height) ? height : null;
}

function hashOf(scan: Document, name: string): string {
  const value = requiredMember(scan, name);
  const span = plainStringSpan(scan.bytes, value);
  const fits = span !== null && span.end - span.start <= MAX_HASH_BYTES;
  const text = fits ? readRaw(scan.bytes, span) : '';
  if (!VISIBLE.test(text)) {
    throw malformed(value.start, `no string of 1 to ${MAX_HASH_BYTES} plain characters in "${name}"`);
  }
  return text;
}
