import type { HeaderFields } from '../header.js';
import { encodeHeader } from '../header.js';
import { fieldOf } from '../block.js';
import { keccakBytes, toHex } from '../keccak.js';
import { decode } from '../rlp-decode.js';
import { type Decoded, encode, type Item } from '../rlp.js';

/** A signature and what it must sign. */
export interface Seal {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
}

/** What a block's extra data says of those who made it, in one of the forms. */
export interface SealedHeader {
  readonly kind: 'IBFT1' | 'IBFT2' | 'QBFT' | 'Clique';
  readonly hash: Uint8Array;
  /** As addresses; `null` where the header names none. */
  readonly validators: readonly Uint8Array[] | null;
  /** The proposer's own seal; `null` in forms without one. */
  readonly proposer: Seal | null;
  readonly commits: readonly Seal[];
  /** What its maker votes for; `null` for nothing. */
  readonly vote: { readonly about: string; readonly adds: boolean } | null;
}

/** What a form is read from. */
export interface SealedInput {
  readonly fields: HeaderFields;
  readonly extra: Uint8Array;
}

/** Extra data in a form, or why it is not in it. */
export type Reading = SealedHeader | string;

const VANITY = 32;
const ADDRESS = 20;
/** Of Clique and IBFT1: against somebody, and for somebody. */
export const VOTE_NONCES = ['0x0000000000000000', '0xffffffffffffffff'];
const COMMIT_CODE = Uint8Array.of(2);
const EMPTY = new Uint8Array();

/** A header with other extra data. */
export function withExtra(fields: HeaderFields, extraData: Uint8Array): Uint8Array {
  return encodeHeader(new Map([...fields, ['extraData', extraData]]));
}

export function hashWith(fields: HeaderFields, extraData: Item): Uint8Array {
  return keccakBytes(withExtra(fields, encode(extraData)));
}

/** GoQuorum's `istanbul`: 32 bytes, then [validators, proposer's seal, commit seals]. */
export function readIbft1({ fields, extra }: SealedInput): Reading {
  const items = listOf(decode(extra.subarray(VANITY)));
  if (items === null) return 'no canonical RLP list after 32 bytes of vanity';
  if (items.length !== 3) return `a list of ${items.length} items, not 3, after 32 bytes of vanity`;
  const [validators, seal, seals] = [addressesOf(items[0]), bytesOf(items[1]), bytesListOf(items[2])];
  if (validators === null) return 'no list of addresses';
  if (seal === null || seals === null) return 'no list of seals';
  if (!VOTE_NONCES.includes(toHex(fieldOf(fields, 'nonce')))) return 'a nonce that is no vote';
  const vanity = extra.subarray(0, VANITY);
  const hashOf = (proposer: Uint8Array): Uint8Array => {
    const before = new Uint8Array(vanity);
    return keccakBytes(withExtra(fields, encode([validators, proposer, []], before)));
  };
  const hash = hashOf(seal);
  const digest = keccakBytes(Buffer.concat([hash, COMMIT_CODE]));
  return {
    kind: 'IBFT1',
    hash,
    validators,
    proposer: { bytes: seal, digest: keccakBytes(hashOf(EMPTY)) },
    commits: seals.map((bytes) => ({ bytes, digest })),
    vote: headerVote(fields),
  };
}

/** Besu's IBFT 2.0: [vanity, validators, vote, round, seals], no vote as nothing, the round in four bytes. */
export function readIbft2({ fields, extra }: SealedInput): Reading {
  const read = readFive(extra);
  if (typeof read === 'string') return read;
  const { vanity, validators, vote, round, seals } = read;
  if (!isIbft2Vote(vote)) return 'no vote in the form of IBFT2';
  if (round.length !== 4) return `a round of ${round.length} bytes, not 4`;
  const digest = hashWith(fields, [vanity, validators, vote, round]);
  return {
    kind: 'IBFT2',
    hash: hashWith(fields, [vanity, validators, vote]),
    validators,
    proposer: null,
    commits: seals.map((bytes) => ({ bytes, digest })),
    vote: extraVote(vote),
  };
}

/** QBFT of Besu and GoQuorum: [vanity, validators, vote, round, seals], no vote as an empty list, the round as a number. */
export function readQbft({ fields, extra }: SealedInput): Reading {
  const read = readFive(extra);
  if (typeof read === 'string') return read;
  const { vanity, validators, vote, round, seals } = read;
  if (!isQbftVote(vote)) return 'no vote in the form of QBFT';
  if (round[0] === 0 || round.length > 4) return 'a round that is no number in canonical form';
  const digest = hashWith(fields, [vanity, validators, vote, round, []]);
  return {
    kind: 'QBFT',
    hash: hashWith(fields, [vanity, validators, vote, EMPTY, []]),
    validators,
    proposer: null,
    commits: seals.map((bytes) => ({ bytes, digest })),
    vote: extraVote(vote),
  };
}

/** A vote of Clique and IBFT1: the beneficiary is whom it is about, nobody for none; the nonce is ff… to add, 0 to drop. */
export function headerVote(fields: HeaderFields): SealedHeader['vote'] {
  const about = fieldOf(fields, 'miner');
  if (about.every((byte) => byte === 0)) return null;
  return { about: toHex(about), adds: fieldOf(fields, 'nonce')[0] === 0xff };
}

/** A vote of IBFT2 and QBFT, whose form was checked: an action of ff is to add, any other to drop. */
function extraVote(vote: Decoded): SealedHeader['vote'] {
  const [about, action] = listOf(vote)?.map(bytesOf) ?? [];
  if (about === undefined || about === null) return null;
  return { about: toHex(about), adds: action?.[0] === 0xff };
}

interface Five {
  readonly vanity: Uint8Array;
  readonly validators: readonly Uint8Array[];
  readonly vote: Decoded;
  readonly round: Uint8Array;
  readonly seals: readonly Uint8Array[];
}

function readFive(extra: Uint8Array): Five | string {
  const items = listOf(decode(extra));
  if (items === null) return 'no canonical RLP list';
  if (items.length !== 5) return `a list of ${items.length} items, not 5`;
  const [vanity, validators, vote] = [bytesOf(items[0]), addressesOf(items[1]), items[2]];
  const [round, seals] = [bytesOf(items[3]), bytesListOf(items[4])];
  if (vanity?.length !== VANITY) return 'no vanity of 32 bytes';
  if (validators === null) return 'no list of addresses';
  if (round === null || seals === null || vote === undefined) return 'no round and list of seals';
  return { vanity, validators, vote, round, seals };
}

function isIbft2Vote(vote: Decoded): boolean {
  if (vote instanceof Uint8Array) return vote.length === 0;
  return isVote(vote, (action) => action.length === 1 && (action[0] === 0xff || action[0] === 0));
}

function isQbftVote(vote: Decoded): boolean {
  const items = listOf(vote);
  if (items === null) return false;
  return (
    items.length === 0 ||
    isVote(items, (action) => action.length === 0 || (action.length === 1 && action[0] === 0xff))
  );
}

function isVote(vote: readonly Decoded[], fits: (action: Uint8Array) => boolean): boolean {
  const [candidate, action] = [bytesOf(vote[0]), bytesOf(vote[1])];
  return vote.length === 2 && candidate?.length === ADDRESS && action !== null && fits(action);
}

function bytesOf(item: Decoded | undefined): Uint8Array | null {
  return item instanceof Uint8Array ? item : null;
}

function listOf(item: Decoded | null | undefined): readonly Decoded[] | null {
  return item === null || item === undefined || item instanceof Uint8Array ? null : item;
}

function bytesListOf(item: Decoded | undefined): readonly Uint8Array[] | null {
  const items = listOf(item)?.map(bytesOf) ?? null;
  return items?.every((one) => one !== null) === true ? items : null;
}

function addressesOf(item: Decoded | undefined): readonly Uint8Array[] | null {
  const addresses = bytesListOf(item);
  return addresses?.every(({ length }) => length === ADDRESS) === true ? addresses : null;
}
