import {
  bytesField,
  type Form,
  intField,
  type Members,
  message,
  messageField,
} from '../../src/internal/proof/index.js';
import { merkleRoot } from './merkle.js';
import { encodeBlockId, encodeTime, readBlockId, readTime } from './values.js';

const LIST: Form = { names: ['evidence'], exact: true };
const ITEM: Form = { names: ['type', 'value'], exact: true };
const DUPLICATE = ['tendermint/DuplicateVoteEvidence', 'cometbft/DuplicateVoteEvidence'];
/** Each member has two names, by the version of the node. */
const NAMES = [
  ['TotalVotingPower', 'total_voting_power'],
  ['ValidatorPower', 'validator_power'],
  ['Timestamp', 'timestamp'],
] as const;
const EVIDENCE: Form = { names: ['vote_a', 'vote_b', ...NAMES.flat()], exact: true };
const VOTE: Form = {
  names: [
    'type',
    'height',
    'round',
    'block_id',
    'timestamp',
    'validator_address',
    'validator_index',
    'signature',
    'extension',
    'extension_signature',
  ],
  exact: true,
};
const MAX_INT32 = 2 ** 31 - 1;
const ADDRESS_BYTES = 20;

/** The hash of a block's evidence. @throws SyncError `BLOCK_MALFORMED` for a kind that is not known here */
export function evidenceHash(block: Members): Uint8Array {
  const list = block.optionalObject('evidence', LIST);
  return merkleRoot(list === null ? [] : Array.from(list.objects('evidence', ITEM), encodeEvidence));
}

function encodeEvidence(item: Members): Uint8Array {
  const type = item.text('type');
  if (!DUPLICATE.includes(type))
    throw item.wrong('type', `evidence of a duplicate vote but ${type}, which is not proved here,`);
  const value = item.object('value', EVIDENCE);
  const [total, power, time] = NAMES.map((names) => spelled(value, names)) as [string, string, string];
  return message(
    messageField(1, encodeVote(value.object('vote_a', VOTE))),
    messageField(2, encodeVote(value.object('vote_b', VOTE))),
    intField(3, value.integer(total)),
    intField(4, value.integer(power)),
    messageField(5, encodeTime(readTime(value, time))),
  );
}

function spelled(value: Members, [old, name]: readonly [string, string]): string {
  if (value.find(old) !== null && value.find(name) !== null) throw value.wrong(name, 'single spelling');
  return value.find(name) === null ? old : name;
}

function encodeVote(vote: Members): Uint8Array {
  const optional = (name: string): Uint8Array =>
    vote.find(name) === null ? new Uint8Array() : vote.base64(name);
  return message(
    intField(1, vote.safeInteger('type', 0, MAX_INT32)),
    intField(2, vote.integer('height')),
    intField(3, vote.safeInteger('round', 0, MAX_INT32)),
    messageField(4, encodeBlockId(readBlockId(vote, 'block_id'))),
    messageField(5, encodeTime(readTime(vote, 'timestamp'))),
    bytesField(6, vote.hex('validator_address', 'upper', ADDRESS_BYTES)),
    intField(7, vote.safeInteger('validator_index', 0, MAX_INT32)),
    bytesField(8, optional('signature')),
    bytesField(9, optional('extension')),
    bytesField(10, optional('extension_signature')),
  );
}
