import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import {
  type Document,
  MAX_DEPTH,
  readInteger,
  requiredMember,
  scanBlock,
} from '../../src/internal/json/index.js';
import { requireHash, requireExpected } from '../../src/internal/expected-block.js';
import { hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';
import { SealedSignatures } from './signatures.js';
import { readStart } from './start.js';

const SCAN = { maxDepth: MAX_DEPTH, names: [...RESERVED_NAMES, 'timestamp'] };

/** The rules that `sealedJson` registers. */
export class SealedJsonRules implements ChainRules {
  readonly id = 'sealed-json';
  readonly selfCertifying = true;
  readonly covers = 'document';
  readonly genesisPreviousHash = SEALED_JSON_GENESIS;
  readonly signatures = new SealedSignatures();

  describe(document: Uint8Array): BlockHeader {
    const { height, hash, previousHash } = readStart(document);
    const scan = scanBlock(document, SCAN);
    for (const name of RESERVED_NAMES) requiredMember(scan, name);
    return { height, hash, previousHash, timestamp: readTimestamp(scan) };
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const header = this.describe(document);
    requireExpected(header, expected);
    requireHash(header, hashOf(document));
    return header;
  }
}

/** The member belongs to the payload, where these rules ask for nothing: what is no plain integer is no timestamp. */
function readTimestamp({ bytes, members, duplicates }: Document): number | null {
  const value = members.get('timestamp');
  return value === undefined || duplicates.has('timestamp') ? null : readInteger(bytes, value);
}
