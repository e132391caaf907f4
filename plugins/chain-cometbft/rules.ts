import type {
  Authorship,
  BlockRef,
  ChainRules,
  DescribedBlock,
  ProvedPart,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { requireExpected, requireHash } from '../../src/internal/expected-block.js';
import { malformed } from '../../src/internal/json/index.js';
import { type Form, Members, mismatch, sameBytes, toHex, unsigned } from '../../src/internal/proof/index.js';
import { type Commit, commitHash, readCommit } from './commit.js';
import { evidenceHash } from './evidence.js';
import { hashOf, type HashName, type Header, readHeader } from './header.js';
import { merkleRoot, sha256 } from './merkle.js';
import { type CometbftSettings, pinnedSets } from './options.js';
import { readValidators, type ValidatorSet, VoteChecker } from './validators.js';
import { type BlockId, isNil, readBlockId } from './values.js';

const DOCUMENT: Form = {
  names: ['block', 'block_id', 'commit', 'validators', 'signed_header', 'result', 'jsonrpc'],
  exact: false,
};
const BLOCK: Form = { names: ['header', 'data', 'evidence', 'last_commit'], exact: true };
const SIGNED_HEADER: Form = { names: ['header', 'commit'], exact: true };
const DATA: Form = { names: ['txs'], exact: true };
/** One of 256 bytes each fills the largest block. Each is hashed three times in the tree, and may be empty. */
const MAX_TXS = 262_144;

/** A document, read as far as its place needs. */
interface Read {
  readonly top: Members;
  /** The block, or the header with its commit. */
  readonly body: Members;
  readonly isBlock: boolean;
  readonly header: Header;
  readonly commit: Commit | null;
  readonly described: DescribedBlock;
}

/** The rules that `cometbft` registers. */
export class CometbftRules implements ChainRules {
  readonly id = 'cometbft';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly genesisPreviousHash = '';
  readonly proves: readonly ProvedPart[];
  readonly authorship: Authorship;
  readonly #settings: CometbftSettings;
  readonly #pinned: readonly (ValidatorSet & { readonly from: number })[];
  readonly #votes = new VoteChecker();

  constructor(settings: CometbftSettings) {
    this.#settings = settings;
    this.#pinned = pinnedSets(settings);
    const { commits, data } = settings;
    const isSigned = commits === 'required';
    this.proves = [
      'header',
      'links',
      ...(data === 'cometbft' ? ['transactions'] : []),
      'evidence',
      'last-commit',
      ...(isSigned ? ['seals'] : []),
      'validators',
    ];
    this.authorship = !isSigned ? 'none' : this.#pinned.length > 0 ? 'pinned' : 'carried';
  }

  describe(document: Uint8Array): DescribedBlock {
    return this.#read(document).described;
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): DescribedBlock {
    const read = this.#read(document);
    const { described, header } = read;
    requireExpected(described, expected);
    requireHash(described, upperHex(header.hash));
    const lastCommit = read.isBlock ? this.#checkBody(read) : null;
    this.#checkAuthors(read, lastCommit);
    return described;
  }

  #read(document: Uint8Array): Read {
    const top = Members.ofBlock(document, DOCUMENT);
    const isBlock = top.find('signed_header') === null;
    if (isBlock) refuseAnswer(top);
    const body = isBlock ? top.object('block', BLOCK) : top.object('signed_header', SIGNED_HEADER);
    if (this.#settings.members === 'known') requireKnown(top);
    const header = readHeader(body);
    const commit = commitOf(isBlock ? top : body);
    const id = isBlock ? readBlockId(top, 'block_id') : requiredCommit(top, commit).blockId;
    return { top, body, isBlock, header, commit, described: describedOf(header, id) };
  }

  /** @returns the commit of the block below. */
  #checkBody({ body, header, top, commit }: Read): Commit | null {
    const { height } = header;
    const check = (name: HashName, computed: Uint8Array): void => {
      if (!sameBytes(computed, hashOf(header, name)))
        throw mismatch(height, `what "block" holds is not what "header.${name}" says`);
    };
    if (this.#settings.data === 'cometbft') check('data_hash', dataHash(body));
    check('evidence_hash', evidenceHash(body));
    const lastCommit = checkedLastCommit(body, header);
    check('last_commit_hash', commitHash(lastCommit?.signatures ?? []));
    if (commit !== null && !sameId(readBlockId(top, 'block_id'), commit.blockId))
      throw mismatch(height, '"commit.block_id" is not "block_id"');
    return lastCommit;
  }

  #checkAuthors({ header, commit, top }: Read, lastCommit: Commit | null): void {
    const { height } = header;
    const set = this.#validatorsOf(top, header);
    if (set !== null && lastCommit !== null) this.#checkLastRound(lastCommit, header, set);
    if (commit === null) {
      if (this.#settings.commits === 'required') throw unsigned(height, 'it has no "commit"');
      return;
    }
    if (set === null) throw unsigned(height, 'it has a "commit" but no "validators", and none are pinned');
    if (commit.height !== height) throw unsigned(height, '"commit.height" is another');
    this.#votes.check(commit, set, header.chainId);
  }

  /** The round of the last commit is in no hash, but signed: one who votes on this block too has signed it. */
  #checkLastRound(commit: Commit, { height, chainId }: Header, set: ValidatorSet): void {
    if (this.#votes.hasVotedFor(commit, set, chainId) === false)
      throw mismatch(height, '"block.last_commit.round" is not what its votes have signed');
  }

  /** Those who vote on a block: the pinned ones, or those in its document; `null` where there are neither. */
  #validatorsOf(top: Members, header: Header): ValidatorSet | null {
    const { height } = header;
    const stated = hashOf(header, 'validators_hash');
    const pinned = this.#pinned.findLast(({ from }) => from <= height) ?? null;
    if (pinned !== null && !sameBytes(pinned.hash, stated)) {
      const message = `Block ${height}: "header.validators_hash" is not that of the validators pinned from block ${pinned.from} on; if they changed, pin the new ones from block ${height} on.`;
      throw new SyncError('VALIDATORS_CHANGED', message, { height });
    }
    const known = this.#settings.members === 'known';
    const own = top.find('validators') === null ? null : readValidators(top, 'validators', known);
    if (own !== null && !sameBytes(own.hash, stated))
      throw mismatch(height, '"validators" are not those of "header.validators_hash"');
    return pinned ?? own;
  }
}

/** What a node answers has the block inside. */
function refuseAnswer(top: Members): void {
  if (top.find('block') === null && top.find('result') !== null)
    throw malformed(
      0,
      'an answer of JSON-RPC, whose result is the block (blockferry seal --from cometbft takes it out),',
    );
}

function requiredCommit(top: Members, commit: Commit | null): Commit {
  if (commit === null || top.find('block') !== null || top.find('commit') !== null)
    throw top.wrong('signed_header', 'header with its commit and nothing beside it');
  return commit;
}

function requireKnown(top: Members): void {
  for (const name of ['result', 'jsonrpc'])
    if (top.find(name) !== null) throw top.wrong(name, 'known member');
  top.requireKnown();
}

function commitOf(members: Members): Commit | null {
  return members.find('commit') === null ? null : readCommit(members, 'commit');
}

/** Only the signatures of a commit are in the hash; its other members follow from the header. */
function checkedLastCommit(body: Members, { height, lastBlockId }: Header): Commit | null {
  const commit = body.find('last_commit') === null ? null : readCommit(body, 'last_commit');
  if (commit === null) return null;
  if (commit.signatures.length === 0) {
    const { height: stated, round, blockId } = commit;
    if (stated === 0 && round === 0 && isNil(blockId)) return commit;
    throw mismatch(height, '"block.last_commit" has no signatures but is of a block');
  }
  if (commit.height !== height - 1) throw mismatch(height, '"block.last_commit.height" is not the one below');
  if (!sameId(commit.blockId, lastBlockId))
    throw mismatch(height, '"block.last_commit.block_id" is not "block.header.last_block_id"');
  return commit;
}

function dataHash(body: Members): Uint8Array {
  const data = body.optionalObject('data', DATA);
  if (data === null) return merkleRoot([]);
  return merkleRoot(Array.from(data.values('txs', MAX_TXS), (value) => sha256(data.base64At(value, 'txs'))));
}

function describedOf(header: Header, id: BlockId): DescribedBlock {
  const { height, lastBlockId, time, hashes } = header;
  const validators = hashes.get('validators_hash') as Uint8Array;
  const next = hashes.get('next_validators_hash') as Uint8Array;
  const ms = Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
  return {
    height,
    hash: upperHex(id.hash),
    previousHash: upperHex(lastBlockId.hash),
    timestamp: ms,
    validators: upperHex(validators),
    nextValidators: upperHex(next),
  };
}

function sameId(one: BlockId, other: BlockId): boolean {
  return (
    one.total === other.total && sameBytes(one.hash, other.hash) && sameBytes(one.partsHash, other.partsHash)
  );
}

function upperHex(bytes: Uint8Array): string {
  return toHex(bytes).toUpperCase();
}
