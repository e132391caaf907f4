import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import { malformed, MAX_DEPTH, requiredMember, scanBlock } from '../../src/internal/json/index.js';
import { requireHash, requireExpected } from '../../src/internal/expected-block.js';
import { encodeHeader, HEADER_NAMES, type HeaderFields, readFields, readHash } from './header.js';
import { toNumber } from './hex.js';
import { keccak, toHex } from './keccak.js';
import { readUncles, type Uncles, verifyUncles } from './uncles.js';

const SCAN = { maxDepth: MAX_DEPTH, names: [...HEADER_NAMES, 'uncles'] };

interface Block {
  readonly header: BlockHeader;
  readonly fields: HeaderFields;
  readonly uncles: Uncles | null;
}

/** The rules that `ethereum` registers. */
export class EthereumRules implements ChainRules {
  readonly id = 'ethereum';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves = ['header', 'links', 'uncles'];
  readonly authorship = 'none';
  readonly genesisPreviousHash = `0x${'0'.repeat(64)}`;

  describe(document: Uint8Array): BlockHeader {
    return readBlock(document).header;
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const { header, fields, uncles } = readBlock(document);
    requireExpected(header, expected);
    requireHash(header, keccak(encodeHeader(fields)));
    if (uncles !== null) verifyUncles(uncles, toHex(fieldOf(fields, 'sha3Uncles')), header.height);
    return header;
  }
}

function readBlock(document: Uint8Array): Block {
  const scan = scanBlock(document, SCAN);
  const fields = readFields(scan);
  const height = toNumber(fieldOf(fields, 'number'));
  if (height === null) throw malformed(requiredMember(scan, 'number').start, 'a number above 2^53-1');
  const header = {
    height,
    hash: readHash(document, requiredMember(scan, 'hash'), 'hash'),
    previousHash: toHex(fieldOf(fields, 'parentHash')),
    timestamp: toMilliseconds(toNumber(fieldOf(fields, 'timestamp'))),
  };
  return { header, fields, uncles: readUncles(scan) };
}

function toMilliseconds(seconds: number | null): number | null {
  const ms = (seconds ?? NaN) * 1000;
  return Number.isSafeInteger(ms) ? ms : null;
}

function fieldOf(fields: HeaderFields, name: string): Uint8Array {
  return fields.get(name) ?? new Uint8Array();
}
