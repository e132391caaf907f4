import { inside, refusal, unfit, type Where } from '../../internal/options/index.js';
import { isBytes } from '../arguments.js';
import { hasHalfPair } from '../state/faults.js';

/**
 * A record to produce a block of, which is one JSON object: its bytes in UTF-8, its text, or a value that `JSON.stringify`
 * makes one of. Bytes and text stand in the block exactly as they were given.
 */
export type BlockRecord = Uint8Array | string | object;

/** What a host asks to be produced, as bytes. */
export interface RecordList {
  readonly records: readonly Uint8Array[];
  /** Whether it was an array. */
  readonly isList: boolean;
}

const EXPECTS = 'a record: an object, or the text or the bytes of one';

/** Takes what a host gives `produce`; the bytes are copied, since the host may use its buffer again. @throws TypeError */
export function recordList(given: unknown): RecordList {
  const where = { owner: 'produce', path: 'records' };
  if (!Array.isArray(given)) return { records: [recordBytes(given, where)], isList: false };
  if (given.length === 0) throw refusal(where, 'must have at least one record.');
  const records = given.map((record: unknown, index) => recordBytes(record, inside(where, `[${index}]`)));
  return { records, isList: true };
}

function recordBytes(record: unknown, where: Where): Uint8Array {
  if (isBytes(record)) return new Uint8Array(record);
  if (typeof record === 'string') {
    if (hasHalfPair(record)) throw refusal(where, 'must be well-formed: it has half a surrogate pair.');
    return new TextEncoder().encode(record);
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw unfit(where, EXPECTS, record);
  return new TextEncoder().encode(textOf(record, where));
}

function textOf(record: object, where: Where): string {
  let text: unknown;
  try {
    // Of what has a `toJSON` it may make nothing.
    text = JSON.stringify(record);
  } catch (error) {
    throw new TypeError(`${where.owner}: JSON.stringify fails of \`${where.path}\`.`, { cause: error });
  }
  if (typeof text !== 'string') throw unfit(where, EXPECTS, record);
  return text;
}
