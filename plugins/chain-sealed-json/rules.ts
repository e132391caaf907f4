import { quickView } from '#platform/bytes';
import type { BlockHeader, BlockRef, ChainRules, VerifiedRun } from '../../src/contracts/index.js';
import {
  type Document,
  MAX_DEPTH,
  quickScan,
  readInteger,
  requiredMember,
  scanBlock,
} from '../../src/internal/json/index.js';
import { requireHash, requireExpected } from '../../src/internal/expected-block.js';
import { hashInPlace, hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';
import { SealedMaking } from './making.js';
import { SealedSignatures } from './signatures.js';
import { findStart, readStart } from './start.js';

const LINE_FEED = 0x0a;
const SCAN = { maxDepth: MAX_DEPTH, names: [...RESERVED_NAMES, 'timestamp'] };

/** The rules that `sealedJson` registers. */
export class SealedJsonRules implements ChainRules {
  readonly id = 'sealed-json';
  readonly selfCertifying = true;
  readonly covers = 'document';
  readonly proves = ['document', 'links'];
  readonly authorship = 'none';
  readonly genesisPreviousHash = SEALED_JSON_GENESIS;
  readonly signatures = new SealedSignatures();
  readonly making = new SealedMaking();

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

  verifyRun(documents: Uint8Array): VerifiedRun | null {
    const scan = quickScan();
    if (scan?.load(documents) !== true) return null;
    const input = quickView(scan.input);
    const headers: BlockHeader[] = [];
    const documentLengths: number[] = [];
    let previousHash = '';
    for (let start = 0; start < documents.length;) {
      const found = scan.objectAt(start, SCAN);
      const header = found === null ? null : verifyLine(input, found, previousHash);
      if (found === null || header === null) return null;
      headers.push(header);
      documentLengths.push(found.span.end - start);
      previousHash = header.hash;
      start = found.span.end + 1;
    }
    return { headers, documentLengths };
  }
}

/** What `verify` answers for a document with its line feed; `null` where it would refuse it, or would have to look closer. */
function verifyLine(input: Uint8Array, scan: Document, previousHash: string): BlockHeader | null {
  const { span, duplicates } = scan;
  if (input[span.end] !== LINE_FEED || duplicates.size > 0) return null;
  const computed = hashInPlace(input, span);
  const start = findStart(input, span.start, { hash: computed, previousHash });
  if (start?.hash !== computed) return null;
  return {
    height: start.height,
    hash: computed,
    previousHash: start.previousHash,
    timestamp: readTimestamp(scan),
  };
}

/** The member belongs to the payload, where these rules ask for nothing: what is no plain integer is no timestamp. */
function readTimestamp({ bytes, members, duplicates }: Document): number | null {
  const value = members.get('timestamp');
  return value === undefined || duplicates.has('timestamp') ? null : readInteger(bytes, value);
}
