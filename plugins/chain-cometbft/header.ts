import {
  bytesField,
  type Form,
  intField,
  type Members,
  message,
  type Time,
} from '../../src/internal/proof/index.js';
import { malformed } from '../../src/internal/json/index.js';
import { merkleRoot } from './merkle.js';
import { type BlockId, encodeBlockId, encodeTime, isNil, readBlockId, readHash, readTime } from './values.js';

/** The hashes that follow the id of the block below, in the order of the header's tree. */
const HASHES = [
  'last_commit_hash',
  'data_hash',
  'validators_hash',
  'next_validators_hash',
  'consensus_hash',
  'app_hash',
  'last_results_hash',
  'evidence_hash',
  'proposer_address',
] as const;

/** Names of the hashes of a header. */
export type HashName = (typeof HASHES)[number];

const HEADER: Form = {
  names: ['version', 'chain_id', 'height', 'time', 'last_block_id', ...HASHES],
  exact: true,
};
const VERSION: Form = { names: ['block', 'app'], exact: true };
/** Since Tendermint 0.34; blocks before it are hashed by amino. */
const BLOCK_VERSION = 11n;
/** What is no hash of 32 bytes. */
const ADDRESS_BYTES = 20;
/** CometBFT's own bound. Each vote is over it. */
const MAX_CHAIN_ID_BYTES = 50;

/** A header, read. */
export interface Header {
  readonly height: number;
  readonly chainId: string;
  readonly time: Time;
  readonly lastBlockId: BlockId;
  readonly hashes: ReadonlyMap<HashName, Uint8Array>;
  /** Of the whole header. */
  readonly hash: Uint8Array;
}

/** Reads a header and hashes it. @throws SyncError `BLOCK_MALFORMED` */
export function readHeader(parent: Members): Header {
  const header = parent.object('header', HEADER);
  const version = header.object('version', VERSION);
  const block = version.integer('block');
  if (block !== BLOCK_VERSION)
    throw malformed(
      version.span.start,
      `block version ${block}, which is not that of CometBFT and of Tendermint from 0.34 on, 11 (linked proves the links alone)`,
    );
  const app = version.find('app') === null ? 0n : version.integer('app');
  const hashes = new Map(HASHES.map((name) => [name, readNamed(header, name)]));
  const chainId = header.text('chain_id');
  if (Buffer.byteLength(chainId) > MAX_CHAIN_ID_BYTES)
    throw header.wrong('chain_id', `name of at most ${MAX_CHAIN_ID_BYTES} bytes`);
  const height = header.safeInteger('height', 0, Number.MAX_SAFE_INTEGER);
  const time = readTime(header, 'time');
  const lastBlockId = lastIdOf(header);
  const leaves = [
    message(intField(1, block), intField(2, app)),
    message(bytesField(1, chainId)),
    message(intField(1, height)),
    encodeTime(time),
    encodeBlockId(lastBlockId),
    ...Array.from(hashes.values(), (hash) => message(bytesField(1, hash))),
  ];
  return { height, chainId, time, lastBlockId, hashes, hash: merkleRoot(leaves) };
}

/** A hash of a header. */
export function hashOf(header: Header, name: HashName): Uint8Array {
  return header.hashes.get(name) ?? new Uint8Array();
}

/** Some nodes write the first block's parent as `null`. */
function lastIdOf(header: Members): BlockId {
  if (header.find('last_block_id') === null)
    return { hash: new Uint8Array(), total: 0, partsHash: new Uint8Array() };
  const id = readBlockId(header, 'last_block_id');
  if (id.hash.length === 0 && !isNil(id)) throw header.wrong('last_block_id', 'id of a block');
  return id;
}

function readNamed(header: Members, name: HashName): Uint8Array {
  // An application's hash is of any length.
  if (name === 'app_hash') return header.find(name) === null ? new Uint8Array() : header.hex(name, 'upper');
  if (name === 'proposer_address') return header.hex(name, 'upper', ADDRESS_BYTES);
  const hash = header.find(name) === null ? new Uint8Array() : readHash(header, name);
  const isSet = name === 'validators_hash' || name === 'next_validators_hash';
  if (isSet && hash.length === 0) throw header.wrong(name, 'hash of 32 bytes');
  return hash;
}
