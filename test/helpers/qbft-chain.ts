import { createMPT } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { getPublicKey, signAsync } from '@noble/secp256k1';
import { keccak } from 'hash-wasm';

/** A validator of a made chain. */
export interface Validator {
  readonly address: string;
  readonly key: Uint8Array;
  /** How it signs; on secp256k1 where nothing is said. */
  readonly sign?: (digest: Uint8Array) => Promise<Uint8Array>;
}

/** A block that is to be made. */
export interface QbftPlan {
  readonly height: number;
  readonly parent: string;
  readonly validators: readonly Validator[];
  /** Who seals; the quorum of the validators where nothing is said. */
  readonly sealers?: readonly Validator[];
  /** A vote of the proposer. */
  readonly vote?: { readonly candidate: Validator; readonly adds: boolean };
  readonly transactions?: readonly Readonly<Record<string, string>>[];
  /** Whether the header lists the validators; where a contract has them it doesn't. Default `true`. */
  readonly isListed?: boolean;
}

type Item = Uint8Array | Item[];

const BFT_MIX = '63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365';
const EMPTY_UNCLES = '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
const VANITY = Buffer.alloc(32);

export const bytes = (hex: string): Uint8Array => Buffer.from(hex.replace(/^0x/, ''), 'hex');
export const hex = (value: Uint8Array): string => `0x${Buffer.from(value).toString('hex')}`;
const quantity = (value: number): Uint8Array =>
  value === 0
    ? new Uint8Array()
    : bytes(
        value
          .toString(16)
          .padStart(value.toString(16).length % 2 === 0 ? 0 : value.toString(16).length + 1, '0'),
      );
export const digestOf = async (value: Uint8Array): Promise<Uint8Array> => bytes(await keccak(value, 256));

/** A validator with the key that a number names. */
export async function validator(seed: number): Promise<Validator> {
  const key = Buffer.alloc(32, seed + 1);
  const address = hex((await digestOf(getPublicKey(key, false).subarray(1))).subarray(12));
  return { address, key };
}

/** The extra data of a QBFT block (EEA's QBFT specification): with other last items for its hash and for its seals. */
function extraOf({ validators, vote, isListed = true }: QbftPlan, round: Item, seals: Item): Item {
  const sorted = isListed ? validators.map(({ address }) => address).toSorted() : [];
  const voted: Item =
    vote === undefined ? [] : [bytes(vote.candidate.address), vote.adds ? Buffer.of(0xff) : new Uint8Array()];
  return [VANITY, sorted.map(bytes), voted, round, seals];
}

/** Members of a header as JSON has them, in the order of their encoding. */
type HeaderJson = Readonly<Record<string, string>> & { readonly number: string };

/** A header without transactions, as IBFT and QBFT have it. */
export async function headerOf(height: number, parent: string): Promise<HeaderJson> {
  return {
    parentHash: parent,
    sha3Uncles: `0x${EMPTY_UNCLES}`,
    miner: `0x${'00'.repeat(20)}`,
    stateRoot: hex(await digestOf(Buffer.from(`state ${height}`))),
    transactionsRoot: await transactionsRoot([]),
    receiptsRoot: hex(await digestOf(Buffer.from(`receipts ${height}`))),
    logsBloom: `0x${'00'.repeat(256)}`,
    difficulty: '0x1',
    number: `0x${height.toString(16)}`,
    gasLimit: '0x1c9c380',
    gasUsed: '0x0',
    timestamp: `0x${(1_700_000_000 + height).toString(16)}`,
    extraData: '',
    mixHash: `0x${BFT_MIX}`,
    nonce: '0x0000000000000000',
    baseFeePerGas: '0x7',
  };
}

/** A header's RLP with some extra data. */
export function encodeHeader(header: HeaderJson, extra: Uint8Array): Uint8Array {
  return RLP.encode(
    Object.entries(header).map(([name, value]) => {
      if (name === 'extraData') return extra;
      const isQuantity = !/^0x(?:[0-9a-f]{2}){8,}$/.test(value) || name === 'number';
      return isQuantity ? quantity(Number(value)) : bytes(value);
    }),
  );
}

/** Signs a digest: r, s, and which of the two keys it is. */
export async function sealOf(digest: Uint8Array, { key, sign }: Validator): Promise<Uint8Array> {
  if (sign !== undefined) return sign(digest);
  const signature = await signAsync(digest, key, { prehash: false, format: 'recovered' });
  return Buffer.concat([signature.subarray(1), signature.subarray(0, 1)]);
}

/** Makes a block of QBFT by the published rules, with libraries of its own. */
export async function qbftBlock(
  plan: QbftPlan,
): Promise<{ readonly hash: string; readonly document: Uint8Array }> {
  const { height, parent, validators, transactions = [] } = plan;
  const proposer = validators[height % validators.length] as Validator;
  const header = {
    ...(await headerOf(height, parent)),
    miner: height === 0 ? `0x${'00'.repeat(20)}` : proposer.address,
    transactionsRoot: await transactionsRoot(transactions),
  };
  const encode = (extra: Item): Uint8Array => encodeHeader(header, RLP.encode(extra));
  const round = quantity(height % 7 === 3 ? 1 : 0);
  const sealed = await digestOf(encode(extraOf(plan, round, [])));
  const quorum = Math.ceil((2 * validators.length) / 3);
  const sealers = height === 0 ? [] : (plan.sealers ?? validators.slice(0, quorum));
  const seals = await Promise.all(sealers.map((sealer) => sealOf(sealed, sealer)));
  const whole = extraOf(plan, height === 0 ? new Uint8Array() : round, seals);
  // Besu hashes its first block as it is.
  const hashed = height === 0 ? whole : extraOf(plan, new Uint8Array(), []);
  const hash = hex(await digestOf(encode(hashed)));
  const stated = transactions.map((transaction, index) => ({
    ...transaction,
    blockHash: hash,
    blockNumber: header.number,
    transactionIndex: `0x${index.toString(16)}`,
  }));
  const block = { ...header, hash, extraData: hex(RLP.encode(whole)), transactions: stated, uncles: [] };
  return { hash, document: Buffer.from(JSON.stringify(block)) };
}

/** Transactions of type 0, whose signatures nobody checks. */
export async function legacyTransactions(
  count: number,
  seed: number,
): Promise<readonly Readonly<Record<string, string>>[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const r = await digestOf(Buffer.from(`r ${seed} ${index}`));
      const transaction = {
        type: '0x0',
        nonce: `0x${(index + 1).toString(16)}`,
        gasPrice: '0x0',
        gas: '0x5208',
        to: `0x${'ab'.repeat(20)}`,
        value: '0x1',
        input: hex(Buffer.alloc(seed % 90, index)),
        v: '0x1b',
        r: hex(r).replace(/^0x0+/, '0x'),
        s: '0x1',
      };
      return { ...transaction, hash: hex(await digestOf(envelope(transaction))) };
    }),
  );
}

function envelope(transaction: Readonly<Record<string, string>>): Uint8Array {
  const {
    nonce = '',
    gasPrice = '',
    gas = '',
    to = '',
    value = '',
    input = '',
    v = '',
    r = '',
    s = '',
  } = transaction;
  const number = (text: string): Uint8Array =>
    text === '0x0' ? new Uint8Array() : bytes(text.length % 2 === 1 ? `0${text.slice(2)}` : text);
  return RLP.encode([
    number(nonce),
    number(gasPrice),
    number(gas),
    bytes(to),
    number(value),
    bytes(input),
    number(v),
    number(r),
    number(s),
  ]);
}

async function transactionsRoot(transactions: readonly Readonly<Record<string, string>>[]): Promise<string> {
  const trie = await createMPT();
  for (const [index, transaction] of transactions.entries())
    await trie.put(RLP.encode(index), envelope(transaction));
  return hex(trie.root());
}

/** A made chain of QBFT. */
export interface QbftChain {
  readonly documents: readonly Uint8Array[];
  /** Hash of the last block. */
  readonly head: string;
  /** Validators of the first block. */
  readonly first: readonly Validator[];
  /** Those that may make the block behind the last. */
  readonly last: readonly Validator[];
  /** Heights at which the validators changed. */
  readonly changes: readonly number[];
}

/** A chain of QBFT in which votes from one height on add a validator, and from another on take one away. */
export async function qbftChain(
  blocks: number,
  { addFrom, removeFrom }: { readonly addFrom: number; readonly removeFrom: number },
): Promise<QbftChain> {
  const all = await Promise.all([0, 1, 2, 3, 4].map(validator));
  const first = all.slice(0, 4);
  const [removed, added] = [all[1], all[4]] as [Validator, Validator];
  const votes = new Votes(first);
  const documents: Uint8Array[] = [];
  const changes: number[] = [];
  let parent = `0x${'00'.repeat(32)}`;
  for (let height = 0; height < blocks; height++) {
    const { validators } = votes;
    const wanted =
      height >= removeFrom ? { candidate: removed, adds: false } : { candidate: added, adds: true };
    const vote = height >= addFrom && votes.isOpen(wanted) ? { vote: wanted } : {};
    const transactions = await legacyTransactions(height % 5, height);
    const block = await qbftBlock({ height, parent, validators, transactions, ...vote });
    documents.push(block.document);
    parent = block.hash;
    if (votes.take(height, vote.vote)) changes.push(height + 1);
  }
  return { documents, head: parent, first, last: votes.validators, changes };
}

/** The votes of the validators (EEA's QBFT specification): more than half of them change the set from the next block on. */
class Votes {
  validators: readonly Validator[];
  readonly #by = new Set<string>();

  constructor(validators: readonly Validator[]) {
    this.validators = validators;
  }

  /** Whether there is still something to vote on. */
  isOpen({ candidate, adds }: NonNullable<QbftPlan['vote']>): boolean {
    return this.validators.includes(candidate) !== adds;
  }

  /** @returns whether the validators change */
  take(height: number, vote: QbftPlan['vote']): boolean {
    if (vote === undefined) return false;
    const { candidate, adds } = vote;
    this.#by.add((this.validators[height % this.validators.length] as Validator).address);
    if (this.#by.size * 2 <= this.validators.length) return false;
    this.#by.clear();
    this.validators = adds
      ? [...this.validators, candidate]
      : this.validators.filter((one) => one !== candidate);
    return true;
  }
}
