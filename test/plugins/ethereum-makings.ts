/*
 * Blocks of Ethereum's form with bodies of all kinds, which only a source of numbers decides; their roots and hashes are
 * those that the rules compute step by step.
 */

import { ENVELOPE_NAMES, envelopeOf } from '../../plugins/chain-ethereum/body/envelope.js';
import { encodeHeader, HEADER_NAMES, readFields } from '../../plugins/chain-ethereum/header.js';
import { readForm } from '../../plugins/chain-ethereum/forms.js';
import { keccak, toHex } from '../../plugins/chain-ethereum/keccak.js';
import { encode } from '../../plugins/chain-ethereum/rlp.js';
import { listRoot } from '../../plugins/chain-ethereum/trie.js';
import { MAX_DEPTH, requiredMember, scanDocument } from '../../src/internal/json/index.js';
import { pragueBlock } from './ethereum-forks.js';

export type Json = Readonly<Record<string, unknown>>;
/** @returns an unsigned integer of 32 bits */
type Random = () => number;

/** Makes values of the forms that nodes write. */
class Values {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return this.#random() % limit;
  }

  oneOf<T>(...values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  data(bytes: number): string {
    return `0x${Array.from({ length: bytes }, () => (this.below(4) === 0 ? 0 : this.below(256)).toString(16).padStart(2, '0')).join('')}`;
  }

  /** Of up to so many digits; small ones more often. */
  quantity(maxDigits = 64): string {
    const digits = this.data(1 + this.below(this.oneOf(1, 2, 9, maxDigits / 2))).slice(2);
    return `0x${digits.slice(-maxDigits).replace(/^0+/, '') || '0'}`;
  }

  /** A number of a signature, which some nodes pad. */
  ofSignature(): string {
    const quantity = this.quantity();
    return this.oneOf(quantity, `0x${quantity.slice(2).padStart(64, '0')}`);
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** The members in another order, sometimes with one that nothing covers. */
  shuffled(object: Json): Json {
    const members = Object.entries(this.oneOf(object, { ...object, other: { '}': ['"', 1] } }));
    return Object.fromEntries(members.sort(() => this.below(2) * 2 - 1));
  }
}

function signature(values: Values): Json {
  return { r: values.ofSignature(), s: values.ofSignature() };
}

function parity(values: Values): Json {
  const bit = values.oneOf('0x0', '0x1');
  return values.oneOf<Json>(
    { yParity: bit },
    { v: bit },
    { v: bit, yParity: bit },
    { v: bit, yParity: null },
  );
}

function call(values: Values): Json {
  const input = values.data(values.oneOf(0, 1, 4, 55, 56, 300));
  return {
    gas: values.quantity(16),
    value: values.quantity(),
    ...values.oneOf<Json>({ input }, { data: input }, { input, data: input }),
    ...values.oneOf<Json>({ to: values.data(20) }, { to: null }, {}),
  };
}

function accessList(values: Values): Json {
  const accessList = values.list(3, () =>
    values.shuffled({
      address: values.data(20),
      ...values.oneOf<Json>(
        { storageKeys: values.list(3, () => values.data(32)) },
        { storageKeys: null },
        {},
      ),
    }),
  );
  return values.oneOf<Json>({ accessList }, { accessList }, { accessList: null }, {});
}

function authorizations(values: Values): Json {
  const authorizationList = values.list(2, () =>
    values.shuffled({
      chainId: values.quantity(8),
      address: values.data(20),
      nonce: values.quantity(8),
      ...parity(values),
      ...signature(values),
    }),
  );
  return { authorizationList };
}

/** A transaction of a type from 0 to 4, without what says where it stands. */
function transaction(values: Values): Json {
  const type = values.below(5);
  const fees =
    type < 2
      ? { gasPrice: values.quantity() }
      : { maxFeePerGas: values.quantity(), maxPriorityFeePerGas: values.quantity() };
  return {
    ...(type === 0 && values.below(2) === 0 ? {} : { type: `0x${type}` }),
    nonce: values.oneOf<unknown>(values.quantity(12), values.below(1_000_000)),
    ...fees,
    ...call(values),
    ...signature(values),
    ...(type === 0 ? { v: values.quantity(8) } : { chainId: values.quantity(8), ...parity(values) }),
    ...(type === 0 ? {} : accessList(values)),
    ...(type === 3
      ? { maxFeePerBlobGas: values.quantity(), blobVersionedHashes: values.list(3, () => values.data(32)) }
      : {}),
    ...(type === 4 ? authorizations(values) : {}),
  };
}

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function envelope(transaction: Json): Uint8Array {
  const scan = scanDocument(bytesOf(transaction), {
    maxDepth: MAX_DEPTH,
    names: ['type', ...ENVELOPE_NAMES],
  });
  const type = Number((transaction['type'] as string | undefined) ?? 0);
  return envelopeOf(scan, type) as Uint8Array;
}

const WITHDRAWAL = [
  ['index', 'quantity'],
  ['validatorIndex', 'quantity'],
  ['address', 20],
  ['amount', 'quantity'],
] as const;

function encodedWithdrawal(withdrawal: Json): Uint8Array {
  const scan = scanDocument(bytesOf(withdrawal), { maxDepth: MAX_DEPTH });
  return encode(WITHDRAWAL.map((field) => readForm(scan.bytes, requiredMember(scan, field[0]), field)));
}

const headerOf = (block: Json): Uint8Array =>
  encodeHeader(readFields(scanDocument(bytesOf(block), { maxDepth: MAX_DEPTH, names: HEADER_NAMES })));

/** With the hash that the header has. */
function hashed(block: Json): Json {
  return { ...block, hash: keccak(headerOf(block)) };
}

/** @param forks - how many of the last ones have not come yet. */
function header(values: Values, forks = values.below(5)): Json {
  const later = [
    ['requestsHash'],
    ['blobGasUsed', 'excessBlobGas', 'parentBeaconBlockRoot'],
    ['withdrawalsRoot'],
    ['baseFeePerGas'],
  ];
  const gone = later.slice(0, forks).flat();
  const absent = values.below(2) === 0 ? {} : Object.fromEntries(gone.map((name) => [name, null]));
  const kept = Object.entries(pragueBlock).filter(([name]) => !gone.includes(name));
  const number = values.below(2 ** 32);
  return {
    ...Object.fromEntries(kept),
    ...absent,
    number: values.oneOf<unknown>(number, `0x${number.toString(16)}`),
    timestamp: values.quantity(8),
    difficulty: values.quantity(),
    extraData: values.data(values.below(33)),
    parentHash: values.data(32),
  };
}

/** What a block has, where that is not left to chance. */
export interface Wanted {
  readonly transactions?: number;
  /** It has one transaction, with so long an input. */
  readonly inputBytes?: number;
  readonly withdrawals?: number;
}

/** A block in order. */
export function madeBlock(random: Random, wanted: Wanted = {}): Json {
  const values = new Values(random);
  const bare = header(values, wanted.withdrawals === undefined ? undefined : 0);
  const transactions = transactionsOf(values, wanted);
  const uncles = values.list(2, () => hashed(header(values)));
  const hasRoot = 'withdrawalsRoot' in bare && bare['withdrawalsRoot'] !== null;
  const withdrawals = hasRoot ? withdrawalsOf(values, wanted.withdrawals ?? values.below(5)) : [];
  const block = hashed({
    ...bare,
    transactionsRoot: toHex(listRoot(transactions.map(envelope))),
    sha3Uncles: keccak(encode(uncles.map((uncle) => ({ encoded: headerOf(uncle) })))),
    ...(withdrawals.length === 0
      ? {}
      : { withdrawalsRoot: toHex(listRoot(withdrawals.map(encodedWithdrawal))) }),
  });
  return values.shuffled({
    ...block,
    transactions: transactions.map((one, index) =>
      values.shuffled({ ...one, ...placeOf(values, { one, block, index }) }),
    ),
    uncles,
    ...values.oneOf<Json>(
      { withdrawals },
      withdrawals.length === 0 ? { withdrawals: null } : { withdrawals },
    ),
  });
}

function transactionsOf(values: Values, { transactions, inputBytes }: Wanted): readonly Json[] {
  if (inputBytes === undefined)
    return Array.from({ length: transactions ?? values.below(20) }, () => transaction(values));
  return [{ ...transaction(values), data: undefined, input: `0x${'c5'.repeat(inputBytes)}` }];
}

function withdrawalsOf(values: Values, count: number): Json[] {
  return Array.from({ length: count }, () => ({
    index: values.quantity(10),
    validatorIndex: values.quantity(10),
    address: values.data(20),
    amount: values.quantity(16),
  }));
}

/** What says which transaction it is and where it stands, all or some of it. */
function placeOf(
  values: Values,
  { one, block, index }: { readonly one: Json; readonly block: Json; readonly index: number },
): Json {
  const all = {
    hash: keccak(envelope(one)),
    blockHash: block['hash'],
    blockNumber: `0x${Number(block['number']).toString(16)}`,
    transactionIndex: `0x${index.toString(16)}`,
  };
  return values.oneOf<Json>(all, all, {}, { hash: all.hash, blockHash: null, blockNumber: null });
}
