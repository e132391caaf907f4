import {
  elements,
  isNull,
  malformed,
  MAX_DEPTH,
  requiredMember,
  scanObject,
  type Document,
  type Span,
} from '../../../src/internal/json/index.js';
import { type Block, BLOCK_NAMES, fieldOf } from '../block.js';
import { readForm } from '../forms.js';
import { HEADER_NAMES, isPresent } from '../header.js';
import { toHex } from '../keccak.js';
import { ACCESS_NAMES, AUTHORIZATION_NAMES, namesOf } from './envelope.js';
import { senderOf } from './sender.js';
import { PLACE_NAMES, typeOf } from './transactions.js';
import { WITHDRAWAL_NAMES } from './withdrawals.js';

/** Members of a transaction that follow from others, and are checked. */
const DERIVED_NAMES = ['from', 'gasPrice', 'chainId', 'blockTimestamp'];
const TYPE = { maxDepth: MAX_DEPTH, names: ['type'] };
/** To name one that is not known all of them are read, which takes memory for each. */
const MAX_NAMED = 1_000;
/** By type: a list of names is prepared once, if it is the same list. */
const NAMES = new Map<number, readonly string[]>();

/**
 * Checks that a block that was verified has no member that nothing covers, wherever in it, and that those which follow
 * from others do.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function requireKnown(block: Block): void {
  const { scan } = block;
  scanKnown(scan.bytes, scan.span, BLOCK_NAMES);
  forEach(scan, 'uncles', (uncle) => scanKnown(scan.bytes, uncle, HEADER_NAMES));
  forEach(scan, 'withdrawals', (withdrawal) => scanKnown(scan.bytes, withdrawal, WITHDRAWAL_NAMES));
  forEach(scan, 'transactions', (transaction) => {
    requireKnownTransaction(block, transaction);
  });
}

function requireKnownTransaction(block: Block, element: Span): void {
  const { bytes } = block.scan;
  const type = typeOf(scanObject(bytes, element, TYPE));
  const transaction = scanKnown(bytes, element, transactionNames(type));
  forEach(transaction, 'accessList', (entry) => scanKnown(bytes, entry, ACCESS_NAMES));
  forEach(transaction, 'authorizationList', (entry) => scanKnown(bytes, entry, AUTHORIZATION_NAMES));
  requireDerived(block, transaction, type);
}

function transactionNames(type: number): readonly string[] {
  const known = NAMES.get(type);
  if (known !== undefined) return known;
  const names = [...namesOf(type), 'type', 'hash', ...PLACE_NAMES, ...DERIVED_NAMES];
  NAMES.set(type, names);
  return names;
}

function requireDerived({ fields }: Block, transaction: Document, type: number): void {
  const { bytes } = transaction;
  const quantityOf = (name: string): bigint =>
    toBigInt(readForm(bytes, requiredMember(transaction, name), [name, 'quantity']));
  const require = (name: string, expected: () => bigint | string | null): void => {
    if (!isPresent(transaction, name)) return;
    const value = requiredMember(transaction, name);
    const stated = name === 'from' ? toHex(readForm(bytes, value, [name, 20])) : quantityOf(name);
    const wanted = expected();
    if (stated !== wanted)
      throw malformed(
        value.start,
        `"${name}" ${String(stated)} in a transaction, which has ${String(wanted)}`,
      );
  };
  require('from', () => senderOf(transaction, type));
  require('blockTimestamp', () => toBigInt(fieldOf(fields, 'timestamp')));
  if (type === 0) require('chainId', () => (quantityOf('v') < 35n ? null : (quantityOf('v') - 35n) / 2n));
  if (type < 2) return;
  require('gasPrice', () => {
    const price = toBigInt(fieldOf(fields, 'baseFeePerGas')) + quantityOf('maxPriorityFeePerGas');
    const most = quantityOf('maxFeePerGas');
    return price < most ? price : most;
  });
}

function toBigInt(quantity: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(quantity).toString('hex')}`);
}

/** Calls back with each object in an array; bare hashes are covered by nothing. */
function forEach(parent: Document, name: string, callback: (element: Span) => void): void {
  const value = parent.members.get(name);
  if (value === undefined || isNull(parent.bytes, value)) return;
  for (const element of elements(parent.bytes, value)) {
    if (parent.bytes[element.start] !== 0x7b)
      throw malformed(
        element.start,
        `a bare hash in "${name}", which nothing covers: \`members\` of these rules is 'known'`,
      );
    callback(element);
  }
}

function scanKnown(bytes: Uint8Array, span: Span, names: readonly string[]): Document {
  const document = scanObject(bytes, span, { maxDepth: MAX_DEPTH, names });
  const [again] = document.duplicates;
  if (again !== undefined) throw malformed(again[1], `a second member ${JSON.stringify(again[0])}`);
  if (document.count > document.members.size) throw unknownIn(document, names);
  return document;
}

function unknownIn({ bytes, span, count }: Document, names: readonly string[]): Error {
  const isRead = count <= MAX_NAMED;
  const all = isRead ? scanObject(bytes, span, { maxDepth: MAX_DEPTH }).members : new Map<string, Span>();
  for (const [name, value] of all) {
    if (!names.includes(name))
      return malformed(
        value.start,
        `a member ${JSON.stringify(name)}, which nothing covers: \`members\` of these rules is 'known'`,
      );
  }
  return malformed(
    span.start,
    `${count} members, some of which nothing covers: \`members\` of these rules is 'known'`,
  );
}
