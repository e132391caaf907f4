import type { BlockHeader } from '../../src/contracts/index.js';
import {
  type Document,
  malformed,
  MAX_DEPTH,
  optionalMember,
  requiredMember,
  scanBlock,
} from '../../src/internal/json/index.js';
import { type TransactionChecks, verifyTransactions } from './body/transactions.js';
import { verifyWithdrawals } from './body/withdrawals.js';
import { HEADER_NAMES, type HeaderFields, readFields, readHash } from './header.js';
import { toNumber } from './hex.js';
import { toHex } from './keccak.js';
import { readUncles, type Uncles, verifyUncles } from './uncles.js';

/** Parent of the first block. */
export const NO_PARENT = `0x${'0'.repeat(64)}`;

/** `mixHash` of IBFT1, IBFT2 and QBFT: "ctical byzantine fault tolerance". */
export const BFT_MIX = '0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365';

/** Members of a JSON-RPC answer, in which the block is one member. */
const ANSWER_NAMES = ['jsonrpc', 'result'];

/** Members of a block that are proved. */
export const BLOCK_NAMES: readonly string[] = [...HEADER_NAMES, 'uncles', 'transactions', 'withdrawals'];

/** A block as it was read; nothing of it is proved. */
export interface Block {
  readonly scan: Document;
  readonly header: BlockHeader;
  readonly fields: HeaderFields;
  readonly uncles: Uncles | null;
}

/** Reads blocks. */
export class BlockReader {
  readonly #options: { readonly maxDepth: number; readonly names: readonly string[] };

  /** @param more - names of members to find besides those of all blocks. */
  constructor(more: readonly string[] = []) {
    this.#options = { maxDepth: MAX_DEPTH, names: [...BLOCK_NAMES, ...ANSWER_NAMES, ...more] };
  }

  /** @throws SyncError `BLOCK_MALFORMED` */
  read(document: Uint8Array): Block {
    const scan = scanBlock(document, this.#options);
    if (optionalMember(scan, 'result') !== null && optionalMember(scan, 'parentHash') === null)
      throw malformed(0, 'a JSON-RPC answer: the block is its member "result" (jq -c .result)');
    const fields = readFields(scan);
    const height = toNumber(fieldOf(fields, 'number'));
    if (height === null) throw malformed(requiredMember(scan, 'number').start, 'a number above 2^53-1');
    const header = {
      height,
      hash: readHash(document, requiredMember(scan, 'hash'), 'hash'),
      previousHash: toHex(fieldOf(fields, 'parentHash')),
      timestamp: toMilliseconds(toNumber(fieldOf(fields, 'timestamp'))),
    };
    return { scan, header, fields, uncles: readUncles(scan) };
  }
}

/**
 * Checks what a block holds against the roots in its header, whose hash was checked.
 *
 * @throws SyncError `BLOCK_MALFORMED`, `HASH_MISMATCH`
 */
export function verifyBody({ scan, header, fields, uncles }: Block, checks: TransactionChecks): void {
  if (uncles !== null) verifyUncles(uncles, toHex(fieldOf(fields, 'sha3Uncles')), header.height);
  const place = { height: header.height, hash: header.hash, fields };
  verifyWithdrawals(scan, place);
  verifyTransactions(scan, place, checks);
}

/** A field of a header; nothing where it has none of this name. */
export function fieldOf(fields: HeaderFields, name: string): Uint8Array {
  return fields.get(name) ?? new Uint8Array();
}

function toMilliseconds(seconds: number | null): number | null {
  const ms = (seconds ?? NaN) * 1000;
  return Number.isSafeInteger(ms) ? ms : null;
}
