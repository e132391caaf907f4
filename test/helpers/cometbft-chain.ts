import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { commitHash, type CommitSignature, FLAG, signBytesOf } from '../../plugins/chain-cometbft/commit.js';
import { readHeader } from '../../plugins/chain-cometbft/header.js';
import { merkleRoot, sha256 } from '../../plugins/chain-cometbft/merkle.js';
import { addressOf, setOf, type ValidatorSet } from '../../plugins/chain-cometbft/validators.js';
import { Members, parseTime, type Time } from '../../src/internal/proof/index.js';

/** A validator with its key. */
export interface KeyedValidator {
  readonly secret: KeyObject;
  readonly key: Uint8Array;
  readonly power: bigint;
}

/** How a chain is made. */
export interface CometbftChainOptions {
  readonly count: number;
  readonly first?: number;
  /** The block below the first one; none by default. */
  readonly below?: CometbftBlock;
  /** Those who vote on a block; the same four by default. */
  readonly validatorsAt?: (height: number) => readonly KeyedValidator[];
  /** How validator `at` votes; for the block by default. */
  readonly flagAt?: (height: number, at: number) => number;
  readonly txsAt?: (height: number) => readonly string[];
}

/** A document as it is before it is written, to be altered by tests. */
export interface CometbftBlock {
  block: {
    header: Record<string, unknown>;
    data: { txs: string[] };
    evidence: unknown;
    last_commit: unknown;
  };
  block_id: { hash: string; parts: { total: number; hash: string } };
  commit: { height: string; round: number; block_id: unknown; signatures: Record<string, unknown>[] };
  validators: Record<string, unknown>[];
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const NO_TIME = '0001-01-01T00:00:00Z';
const NO_ID = { hash: '', parts: { total: 0, hash: '' } };
const upper = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();

/** Validators in the order that they are hashed in. */
export function validatorsOf(powers: readonly number[], salt = ''): readonly KeyedValidator[] {
  const made = powers.map((power, at) => {
    const seed = createHash('sha256').update(`validator ${salt}${at}`).digest();
    const secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    const key = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
    return { secret, key, power: BigInt(power) };
  });
  return made.sort((a, b) =>
    a.power === b.power ? Buffer.compare(addressOf(a.key), addressOf(b.key)) : a.power < b.power ? 1 : -1,
  );
}

/** A chain of CometBFT by its published rules, with a commit and the validators in each document. */
export function cometbftChain({
  count,
  first = 0,
  below: start,
  validatorsAt = () => FOUR,
  flagAt = () => FLAG.commit,
  txsAt = (height) => [`tx ${height}`, 'x'.repeat(height % 50)],
}: CometbftChainOptions): readonly CometbftBlock[] {
  const blocks: CometbftBlock[] = [];
  let below = start ?? null;
  for (let height = first; height < first + count; height++) {
    const sets = [setFor(validatorsAt(height)), setFor(validatorsAt(height + 1))] as const;
    const draft = blockAt(height, below, sets, txsAt(height));
    const block_id = {
      hash: hashOf(draft),
      parts: { total: 1, hash: upper(sha256(Buffer.from(`${height}`))) },
    };
    const commit = commitFor(height, block_id, validatorsAt(height), (at) => flagAt(height, at));
    below = { block: draft, block_id, commit, validators: listOf(validatorsAt(height)) };
    blocks.push(below);
  }
  return blocks;
}

/** What a node of these validators is configured with. */
export function pinnedList(validators: readonly KeyedValidator[]): { key: string; power: string }[] {
  return validators.map(({ key, power }) => ({
    key: Buffer.from(key).toString('base64'),
    power: String(power),
  }));
}

/** The votes on a block. */
function commitFor(
  height: number,
  block_id: CometbftBlock['block_id'],
  validators: readonly KeyedValidator[],
  flagAt: (at: number) => number,
  chainId = 'made',
): CometbftBlock['commit'] {
  const blockId = {
    hash: Buffer.from(block_id.hash, 'hex'),
    total: block_id.parts.total,
    partsHash: Buffer.from(block_id.parts.hash, 'hex'),
  };
  const signBytes = signBytesOf({ height, round: height % 3, blockId, signatures: [] }, chainId);
  const signatures = validators.map(({ secret, key }, at) => {
    const block_id_flag = flagAt(at);
    if (block_id_flag === FLAG.absent)
      return { block_id_flag, validator_address: '', timestamp: NO_TIME, signature: null };
    const timestamp = timeText(height, at + 1);
    const vote = { flag: block_id_flag, address: addressOf(key), time: timeOf(timestamp), signature: key };
    const signature = sign(null, signBytes(vote), secret).toString('base64');
    return { block_id_flag, validator_address: upper(addressOf(key)), timestamp, signature };
  });
  return { height: String(height), round: height % 3, block_id, signatures };
}

const FOUR = validatorsOf([10, 10, 10, 10]);

function setFor(validators: readonly KeyedValidator[]): ValidatorSet {
  return setOf(validators.map(({ key, power }) => ({ key, power, address: addressOf(key) })));
}

function listOf(validators: readonly KeyedValidator[]): Record<string, unknown>[] {
  return validators.map(({ key, power }) => ({
    address: upper(addressOf(key)),
    pub_key: { type: 'tendermint/PubKeyEd25519', value: Buffer.from(key).toString('base64') },
    voting_power: String(power),
  }));
}

function blockAt(
  height: number,
  below: CometbftBlock | null,
  [set, next]: readonly [ValidatorSet, ValidatorSet],
  txs: readonly string[],
): CometbftBlock['block'] {
  const votes = (below?.commit.signatures ?? []).map(voteOf);
  const data = txs.map((tx) => Buffer.from(tx));
  const header = {
    version: { block: '11', app: '1' },
    chain_id: 'made',
    height: String(height),
    time: timeText(height, 0),
    last_block_id: below?.block_id ?? NO_ID,
    last_commit_hash: upper(commitHash(votes)),
    data_hash: upper(merkleRoot(data.map((tx) => sha256(tx)))),
    validators_hash: upper(set.hash),
    next_validators_hash: upper(next.hash),
    consensus_hash: upper(sha256(Buffer.from('consensus'))),
    app_hash: upper(Buffer.from(`app ${height}`)),
    last_results_hash: '',
    evidence_hash: upper(merkleRoot([])),
    proposer_address: upper(set.validators[0]?.address ?? Buffer.alloc(20)),
  };
  const none = { height: '0', round: 0, block_id: NO_ID, signatures: [] };
  return {
    header,
    data: { txs: data.map((tx) => tx.toString('base64')) },
    evidence: { evidence: [] },
    last_commit: below?.commit ?? none,
  };
}

function voteOf(vote: Record<string, unknown>): CommitSignature {
  const text = (name: string): string => (vote[name] as string | null) ?? '';
  return {
    flag: vote['block_id_flag'] as number,
    address: Buffer.from(text('validator_address'), 'hex'),
    time: timeOf(text('timestamp')),
    signature: Buffer.from(text('signature'), 'base64'),
  };
}

function hashOf(block: CometbftBlock['block']): string {
  const names = ['header', 'data', 'evidence', 'last_commit'];
  const members = Members.ofBlock(Buffer.from(JSON.stringify(block)), { names, exact: true });
  return upper(readHeader(members).hash);
}

/** With nanoseconds, none of whose digits a millisecond has. */
function timeText(height: number, at: number): string {
  const seconds = new Date(1_700_000_000_000 + height * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(100_000_001 + at * 37)}Z`.replace(/0+Z$/, 'Z');
}

function timeOf(text: string): Time {
  const time = parseTime(text);
  if (time === null) throw new TypeError(text);
  return time;
}
