import {
  bytesField,
  type Form,
  intField,
  type Members,
  message,
  messageField,
  parseTime,
  type Time,
} from '../../src/internal/proof/index.js';

const ID: Form = { names: ['hash', 'parts', 'part_set_header'], exact: true };
const PARTS: Form = { names: ['total', 'hash'], exact: true };
const HASH_BYTES = 32;
const MAX_INT32 = 2 ** 31 - 1;

/** Reads a time as CometBFT writes it: RFC 3339 in UTC, without zeros at the end of the fraction. */
export function readTime(members: Members, name: string): Time {
  const time = parseTime(members.text(name));
  if (time === null || time.digits.endsWith('0'))
    throw members.wrong(name, 'time in UTC as CometBFT writes it');
  return time;
}

/** `google.protobuf.Timestamp`. */
export function encodeTime({ seconds, nanos }: Omit<Time, 'digits'>): Uint8Array {
  return message(intField(1, seconds), intField(2, nanos));
}

/** What a commit is for: the hash of a header, and of the block's bytes in parts. Both are empty for no block. */
export interface BlockId {
  readonly hash: Uint8Array;
  readonly total: number;
  readonly partsHash: Uint8Array;
}

/** Reads the id of a block; the parts have two names, by the version of the node. */
export function readBlockId(members: Members, name: string): BlockId {
  const id = members.object(name, ID);
  const both = id.find('parts') !== null && id.find('part_set_header') !== null;
  if (both) throw id.wrong('parts', 'single name of the parts');
  const parts = id.object(id.find('part_set_header') === null ? 'parts' : 'part_set_header', PARTS);
  return {
    hash: readHash(id, 'hash'),
    total: parts.safeInteger('total', 0, MAX_INT32),
    partsHash: readHash(parts, 'hash'),
  };
}

/** A hash, or nothing. */
export function readHash(members: Members, name: string): Uint8Array {
  const hash = members.hex(name, 'upper');
  if (hash.length !== 0 && hash.length !== HASH_BYTES) throw members.wrong(name, 'hash of 32 bytes');
  return hash;
}

/** `BlockID`, and `CanonicalBlockID`, which is the same on the wire. */
export function encodeBlockId({ hash, total, partsHash }: BlockId): Uint8Array {
  const parts = message(intField(1, total), bytesField(2, partsHash));
  return message(bytesField(1, hash), messageField(2, parts));
}

/** Whether an id is that of no block. */
export function isNil({ hash, total, partsHash }: BlockId): boolean {
  return hash.length === 0 && total === 0 && partsHash.length === 0;
}
