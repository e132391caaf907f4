import type { StoreTable } from '../../src/contracts/index.js';

const RUN = 0x02;
const UNDO = 0x04;
const TABLES: Record<StoreTable, number> = { accounts: 0x05, contracts: 0x06, produced: 0x09 };
const CURSOR = 0x07;
const ROLLBACK = 0x08;

/** The record that says what the store is. */
export const META_KEY = Buffer.from([0x01]);

/** Heights are fixed-width and big-endian, so that the order of the keys is the order of the heights. */
function heightKey(kind: number, height: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.writeUInt8(kind, 0);
  key.writeBigUInt64BE(BigInt(height), 1);
  return key;
}

function nameKey(kind: number, name: string): Buffer {
  return Buffer.concat([Buffer.from([kind]), Buffer.from(name)]);
}

/** Key of the record of a run of blocks, by its first height: headers, codecs, sizes, places of the frames. */
export const runKey = (height: number): Buffer => heightKey(RUN, height);
/** Key of what takes a block's changes of the state back. */
export const undoKey = (height: number): Buffer => heightKey(UNDO, height);
/** Key of a value of the state. */
export const stateKey = (table: StoreTable, key: string): Buffer => nameKey(TABLES[table], key);
/** Key of a consumer's position. */
export const cursorKey = (consumer: string): Buffer => nameKey(CURSOR, consumer);

/** Key of the note of a rollback; they are counted from 1. */
export const rollbackKey = (number: number): Buffer => heightKey(ROLLBACK, number);

/** The height, or the number of the rollback, in a key. */
export function heightOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(1));
}

/** The key of the state in a state key. */
export function stateKeyOf(key: Buffer): string {
  return key.toString('utf8', 1);
}

interface KindBounds {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** From the first possible key of a kind to the first of the next. */
const boundsOf = (kind: number): KindBounds => ({ gte: Buffer.from([kind]), lt: Buffer.from([kind + 1]) });

/** Bounds of the keys of a table. */
export const tableBounds = (table: StoreTable): KindBounds => boundsOf(TABLES[table]);

/** Bounds of the keys of the consumers' positions. */
export const CURSOR_BOUNDS: KindBounds = boundsOf(CURSOR);

/** A key above all others, where there is never a record. */
export const ABOVE_ALL = Buffer.from([0xff]);
