import {
  bytesField,
  fixed64Field,
  type Form,
  intField,
  type Members,
  message,
  messageField,
  varint,
  type Time,
} from '../../src/internal/proof/index.js';
import { merkleRoot } from './merkle.js';
import { type BlockId, encodeBlockId, encodeTime, readBlockId, readTime } from './values.js';

const COMMIT: Form = { names: ['height', 'round', 'block_id', 'signatures'], exact: true };
const SIGNATURE: Form = {
  names: ['block_id_flag', 'validator_address', 'timestamp', 'signature'],
  exact: true,
};
const ADDRESS_BYTES = 20;
const MAX_SIGNATURE_BYTES = 96;
const MAX_INT32 = 2 ** 31 - 1;
const PRECOMMIT = 2;
/** CometBFT's own bound of the votes on a block, and so of validators. */
export const MAX_VOTES = 10_000;
/** 1 January of the year 1, which stands in place of the time of an absent vote. */
const NO_TIME_SECONDS = -62135596800n;

/** How a validator voted: not at all, for the block, or for none. */
export const FLAG = { absent: 1, commit: 2, nil: 3 } as const;

/** The vote of one validator. */
export interface CommitSignature {
  readonly flag: number;
  readonly address: Uint8Array;
  readonly time: Time;
  readonly signature: Uint8Array;
}

/** The votes on a block. */
export interface Commit {
  readonly height: number;
  readonly round: number;
  readonly blockId: BlockId;
  readonly signatures: readonly CommitSignature[];
}

/** Reads a commit. @throws SyncError `BLOCK_MALFORMED` */
export function readCommit(parent: Members, name: string): Commit {
  const commit = parent.object(name, COMMIT);
  return {
    height: commit.safeInteger('height', 0, Number.MAX_SAFE_INTEGER),
    round: commit.safeInteger('round', 0, MAX_INT32),
    blockId: readBlockId(commit, 'block_id'),
    signatures: Array.from(commit.objects('signatures', SIGNATURE, MAX_VOTES), readSignature),
  };
}

/** What the header of the block above has of a commit. */
export function commitHash(signatures: readonly CommitSignature[]): Uint8Array {
  return merkleRoot(
    signatures.map(({ flag, address, time, signature }) =>
      message(
        intField(1, flag),
        bytesField(2, address),
        messageField(3, encodeTime(time)),
        bytesField(4, signature),
      ),
    ),
  );
}

/** Makes what a validator signs, of the votes of one commit. */
export function signBytesOf(commit: Commit, chainId: string): (vote: CommitSignature) => Uint8Array {
  const { height, round, blockId } = commit;
  const before = [
    ...intField(1, PRECOMMIT),
    ...fixed64Field(2, BigInt(height)),
    ...fixed64Field(3, BigInt(round)),
  ];
  const forBlock = [...before, ...messageField(4, encodeBlockId(blockId))];
  return ({ flag, time }) => {
    const start = flag === FLAG.commit ? forBlock : before;
    const vote = message(start, messageField(5, encodeTime(time)), bytesField(6, chainId));
    return Buffer.concat([varint(vote.length), vote]);
  };
}

function readSignature(vote: Members): CommitSignature {
  const flag = vote.safeInteger('block_id_flag', FLAG.absent, FLAG.nil);
  const time = readTime(vote, 'timestamp');
  if (flag === FLAG.absent) return readAbsent(vote, time);
  const signature = vote.base64('signature');
  if (signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES)
    throw vote.wrong('signature', 'signature');
  return { flag, address: vote.hex('validator_address', 'upper', ADDRESS_BYTES), time, signature };
}

function readAbsent(vote: Members, time: Time): CommitSignature {
  const none = new Uint8Array();
  const isEmpty = (name: string, read: (name: string) => Uint8Array): boolean =>
    vote.find(name) === null || read(name).length === 0;
  if (!isEmpty('signature', (name) => vote.base64(name))) throw vote.wrong('signature', 'absent vote');
  if (!isEmpty('validator_address', (name) => vote.hex(name, 'upper')))
    throw vote.wrong('validator_address', 'absent vote');
  if (time.seconds !== NO_TIME_SECONDS || time.nanos !== 0) throw vote.wrong('timestamp', 'absent vote');
  return { flag: FLAG.absent, address: none, time, signature: none };
}
