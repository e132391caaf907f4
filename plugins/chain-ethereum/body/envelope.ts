import {
  elements,
  isNull,
  malformed,
  MAX_DEPTH,
  scanObject,
  optionalMember,
  requiredMember,
  type Document,
  type Span,
} from '../../../src/internal/json/index.js';
import { type Field, type Form, readForm } from '../forms.js';
import { isPresent } from '../header.js';
import { encode, type Item } from '../rlp.js';
import { strippedQuantity } from '../hex.js';

/** A field of a transaction: as in a header, or of a form of its own. */
type TransactionField = readonly [name: string, form: Form | Reader];
type Reader = (transaction: Document) => Item;

const NOTHING = new Uint8Array();
export const ACCESS_NAMES = ['address', 'storageKeys'];
const ACCESS: readonly Field[] = [['address', 20]];
const TO: TransactionField = ['to', readTo];
const INPUT: TransactionField = ['input', readInput];
const ACCESS_LIST: TransactionField = ['accessList', readAccessList];
const SIGNATURE: readonly TransactionField[] = [
  ['r', (transaction) => readSignature(transaction, 'r')],
  ['s', (transaction) => readSignature(transaction, 's')],
];
const PARITY: readonly TransactionField[] = [['yParity', readParity], ...SIGNATURE];
const FEES: readonly TransactionField[] = [
  ['chainId', 'quantity'],
  ['nonce', 'quantity'],
  ['maxPriorityFeePerGas', 'quantity'],
  ['maxFeePerGas', 'quantity'],
];
const CALL: readonly TransactionField[] = [['gas', 'quantity'], TO, ['value', 'quantity'], INPUT];

/** The signed fields of each type of transaction, in the order of their encoding. */
const TYPES: readonly (readonly TransactionField[])[] = [
  [['nonce', 'quantity'], ['gasPrice', 'quantity'], ...CALL, ['v', 'quantity'], ...SIGNATURE],
  // EIP-2930
  [['chainId', 'quantity'], ['nonce', 'quantity'], ['gasPrice', 'quantity'], ...CALL, ACCESS_LIST, ...PARITY],
  // EIP-1559
  [...FEES, ...CALL, ACCESS_LIST, ...PARITY],
  // EIP-4844
  [
    ...FEES,
    ...CALL,
    ACCESS_LIST,
    ['maxFeePerBlobGas', 'quantity'],
    [
      'blobVersionedHashes',
      (transaction) =>
        readHashes(
          transaction.bytes,
          requiredMember(transaction, 'blobVersionedHashes'),
          'blobVersionedHashes',
        ),
    ],
    ...PARITY,
  ],
  // EIP-7702
  [...FEES, ...CALL, ACCESS_LIST, ['authorizationList', readAuthorizations], ...PARITY],
];

/** Names of the members that an envelope is made of. */
export const ENVELOPE_NAMES: readonly string[] = [
  ...new Set(['type', 'data', 'v', ...TYPES.flat().map(([name]) => name)]),
];

/**
 * A transaction as it was signed and counted in the root: EIP-2718's envelope. `null` for a type that is not known here.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function envelopeOf(transaction: Document, type: number): Uint8Array | null {
  const items = itemsOf(transaction, type);
  if (items === null) return null;
  return type === 0 ? encode(items) : encode(items, Uint8Array.of(type));
}

/** What is in an envelope, the signature as its last three items; `null` for a type that is not known here. */
export function itemsOf(transaction: Document, type: number): readonly Item[] | null {
  return TYPES[type]?.map((field) => readItem(transaction, field)) ?? null;
}

/** Names of the members that the envelope of a type is made of. */
export function namesOf(type: number): readonly string[] {
  return ['data', 'v', ...(TYPES[type] ?? []).map(([name]) => name)];
}

function readItem(transaction: Document, [name, form]: TransactionField): Item {
  if (typeof form === 'function') return form(transaction);
  return readForm(transaction.bytes, requiredMember(transaction, name), [name, form]);
}

/** The receiver; nothing where the transaction makes a contract. */
function readTo(transaction: Document): Item {
  const value = optionalMember(transaction, 'to');
  return value === null || isNull(transaction.bytes, value)
    ? NOTHING
    : readForm(transaction.bytes, value, ['to', 20]);
}

/** Some nodes call it `data`, some write both. */
function readInput(transaction: Document): Item {
  const both = ['input', 'data'].flatMap((name) => {
    const value = optionalMember(transaction, name);
    return value === null ? [] : [readForm(transaction.bytes, value, [name, 'data'])];
  });
  const [input, again = input] = both;
  if (input === undefined || again === undefined || Buffer.compare(input, again) !== 0)
    throw malformed(transaction.span.start, 'no one "input" in a transaction');
  return input;
}

/** Some nodes pad a signature's numbers to 32 bytes. */
function readSignature(transaction: Document, name: string): Item {
  const value = requiredMember(transaction, name);
  return strippedQuantity(transaction.bytes, value) ?? readForm(transaction.bytes, value, [name, 'quantity']);
}

/** `v` says the same in the types that have `yParity`; older nodes have `v` alone. */
function readParity(transaction: Document): Item {
  const { bytes } = transaction;
  const [parity, v] = ['yParity', 'v'].map((name) =>
    isPresent(transaction, name)
      ? readForm(bytes, requiredMember(transaction, name), [name, 'quantity'])
      : null,
  );
  const read = parity ?? v;
  if (read === undefined || read === null)
    throw malformed(transaction.span.start, 'no member "yParity" in a transaction');
  if (v !== undefined && v !== null && Buffer.compare(read, v) !== 0)
    throw malformed(transaction.span.start, 'a "yParity" that is not "v" in a transaction');
  return read;
}

/** Nodes may leave an empty one out. */
function readAccessList(transaction: Document): Item {
  if (!isPresent(transaction, 'accessList')) return [];
  return objectsIn(transaction, 'accessList', ACCESS_NAMES).map((entry) => [
    ...ACCESS.map((field) => readItem(entry, field)),
    isPresent(entry, 'storageKeys')
      ? readHashes(entry.bytes, requiredMember(entry, 'storageKeys'), 'storageKeys')
      : [],
  ]);
}

function readAuthorizations(transaction: Document): Item {
  return objectsIn(transaction, 'authorizationList', AUTHORIZATION_NAMES).map((entry) =>
    [...AUTHORIZATION, ...PARITY].map((field) => readItem(entry, field)),
  );
}

const AUTHORIZATION: readonly TransactionField[] = [
  ['chainId', 'quantity'],
  ['address', 20],
  ['nonce', 'quantity'],
];
export const AUTHORIZATION_NAMES = ['chainId', 'address', 'nonce', 'yParity', 'v', 'r', 's'];

function objectsIn(parent: Document, name: string, names: readonly string[]): readonly Document[] {
  const value = arrayIn(parent.bytes, requiredMember(parent, name), name);
  return [...elements(parent.bytes, value)].map((element) =>
    scanObject(parent.bytes, element, { maxDepth: MAX_DEPTH, names }),
  );
}

function readHashes(bytes: Uint8Array, value: Span, name: string): Item {
  return [...elements(bytes, arrayIn(bytes, value, name))].map((element) =>
    readForm(bytes, element, [name, 32]),
  );
}

/** @throws SyncError `BLOCK_MALFORMED` for anything but an array */
export function arrayIn(bytes: Uint8Array, value: Span, name: string): Span {
  if (bytes[value.start] !== 0x5b) throw malformed(value.start, `no array in "${name}"`);
  return value;
}
