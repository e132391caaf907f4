import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import { parseHeight } from '../../src/internal/height.js';
import {
  type Document,
  malformed,
  MAX_DEPTH,
  readInteger,
  requiredMember,
  scanDocument,
} from '../../src/internal/json/index.js';
import { requireHash, requirePlace } from '../../src/internal/place.js';
import { hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';

const START = /^\{"hash":"([0-9a-f]{64})","height":([0-9]{1,16}),"previousHash":"([0-9a-f]{64})"[,}]/;
/** More than the longest start has: the names, two hashes and 16 digits. */
const START_BYTES = 192;
const SCAN = { maxDepth: MAX_DEPTH, names: [...RESERVED_NAMES, 'timestamp'] };

/** The rules that `sealedJson` registers. */
export class SealedJsonRules implements ChainRules {
  readonly id = 'sealed-json';
  readonly selfCertifying = true;
  readonly genesisPreviousHash = SEALED_JSON_GENESIS;

  describe(document: Uint8Array): BlockHeader {
    const place = readStart(document);
    const scan = scanDocument(document, SCAN);
    for (const name of RESERVED_NAMES) requiredMember(scan, name);
    return { ...place, timestamp: readTimestamp(scan) };
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const header = this.describe(document);
    requirePlace(header, expected);
    const hash = hashOf(document);
    requireHash(header, hash);
    // The one that was read is a view of the text around it, which it would keep in memory.
    return { ...header, hash };
  }
}

function readStart(document: Uint8Array): Omit<BlockHeader, 'timestamp'> {
  const length = Math.min(document.length, START_BYTES);
  const text = Buffer.from(document.buffer, document.byteOffset, length).toString('latin1');
  const [, hash, digits, previousHash] = START.exec(text) ?? [];
  const height = parseHeight(digits ?? '');
  if (hash === undefined || height === null || previousHash === undefined) {
    throw malformed(0, 'no {"hash":"…","height":N,"previousHash":"…" in its exact form');
  }
  return { height, hash, previousHash };
}

/** The member belongs to the payload, where these rules ask for nothing: what is no plain integer is no timestamp. */
function readTimestamp({ bytes, members, duplicates }: Document): number | null {
  const value = members.get('timestamp');
  return value === undefined || duplicates.has('timestamp') ? null : readInteger(bytes, value);
}
