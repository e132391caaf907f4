import { SyncError } from '../../../src/errors/index.js';
import {
  type Document,
  elements,
  malformed,
  MAX_DEPTH,
  optionalMember,
  scanObject,
  type Span,
} from '../../../src/internal/json/index.js';
import { readForm } from '../forms.js';
import { isPresent } from '../header.js';
import { toNumber } from '../hex.js';
import { keccakBytes, toHex } from '../keccak.js';
import { listRoot } from '../trie.js';
import { arrayIn, ENVELOPE_NAMES, envelopeOf } from './envelope.js';
import { checkRoot, type Place } from './place.js';

/** Members that say where a transaction stands. */
export const PLACE_NAMES = ['blockHash', 'blockNumber', 'transactionIndex'] as const;

/** A transaction's place. */
type Position = Place & { readonly index: number };

const SCAN = { maxDepth: MAX_DEPTH, names: ['hash', ...PLACE_NAMES, ...ENVELOPE_NAMES] };

/** What is asked of transactions beyond their root. */
export interface TransactionChecks {
  /** Types that are passed though they can't be proved. */
  readonly unprovedTypes: ReadonlySet<number>;
}

/**
 * Checks the transactions of a block against the root in its header. Of bare hashes only that there are any can be
 * checked; of a block with a type that is passed unproved, only the other transactions' own hashes.
 *
 * @throws SyncError `BLOCK_MALFORMED`, `HASH_MISMATCH`
 */
export function verifyTransactions(block: Document, place: Place, checks: TransactionChecks): void {
  const value = optionalMember(block, 'transactions');
  if (value === null) return;
  const { bytes } = block;
  const found: Found[] = [];
  let hashes = 0;
  for (const element of elements(bytes, arrayIn(bytes, value, 'transactions'))) {
    if (bytes[element.start] !== 0x7b) {
      readForm(bytes, element, ['transactions', 32]);
      hashes++;
      continue;
    }
    found.push(readTransaction(bytes, element, { ...place, index: found.length }, checks));
  }
  if (hashes > 0 && found.length > 0)
    throw malformed(value.start, 'both objects and hashes in "transactions"');
  const envelopes = found.flatMap(({ envelope }) => (envelope === null ? [] : [envelope]));
  if (envelopes.length === found.length) checkRoot('transactions', listRoot(envelopes), { place, hashes });
  for (const { fault } of found) if (fault !== null) throw fault;
}

/** A transaction of a block. */
interface Found {
  /** `null` for a type that is passed unproved. */
  readonly envelope: Uint8Array | null;
  /** What else is wrong with it: what the root says of all comes first. */
  readonly fault: SyncError | null;
}

function readTransaction(
  bytes: Uint8Array,
  element: Span,
  at: Position,
  { unprovedTypes }: TransactionChecks,
): Found {
  const transaction = scanObject(bytes, element, SCAN);
  const type = typeOf(transaction);
  const envelope = envelopeOf(transaction, type);
  if (envelope === null && !unprovedTypes.has(type)) throw unknownType(at, type);
  const wrong = (envelope === null ? null : wrongHash(transaction, envelope)) ?? wrongPlace(transaction, at);
  return { envelope, fault: wrong === null ? null : mismatch(at, wrong) };
}

function wrongHash(transaction: Document, envelope: Uint8Array): string | null {
  const value = optionalMember(transaction, 'hash');
  const stated = value === null ? null : readForm(transaction.bytes, value, ['hash', 32]);
  const fits = stated === null || Buffer.compare(stated, keccakBytes(envelope)) === 0;
  return fits ? null : `does not have the hash ${toHex(stated)} that it states`;
}

/** Nodes from before there were types leave it out. */
export function typeOf(transaction: Document): number {
  const type = optionalMember(transaction, 'type');
  if (type === null) return 0;
  const number = toNumber(readForm(transaction.bytes, type, ['type', 'quantity']));
  if (number === null || number > 0x7f) throw malformed(type.start, 'no type of transactions in "type"');
  return number;
}

/** Where a transaction says that it stands, it must stand. */
function wrongPlace(transaction: Document, { hash, height, index }: Position): string | null {
  const { bytes } = transaction;
  for (const [name, form, expected] of [
    ['blockHash', 32, hash],
    ['blockNumber', 'quantity', height],
    ['transactionIndex', 'quantity', index],
  ] as const) {
    if (!isPresent(transaction, name)) continue;
    const value = readForm(bytes, optionalMember(transaction, name) as Span, [name, form]);
    const stated = form === 32 ? toHex(value) : toNumber(value);
    if (stated !== expected) return `states ${name} ${String(stated)}, not ${expected}`;
  }
  return null;
}

function mismatch({ height, index }: Position, why: string): SyncError {
  return new SyncError('HASH_MISMATCH', `Transaction ${index} in block ${height} ${why}.`, { height });
}

function unknownType({ height, index }: Position, type: number): SyncError {
  const message = `Transaction ${index} in block ${height} has the type 0x${type.toString(16)}, which can't be proved here. \`unprovedTransactionTypes\` of these rules passes such blocks, whose transactions are not proved then.`;
  return new SyncError('BLOCK_MALFORMED', message, { height });
}
