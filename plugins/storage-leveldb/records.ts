import { crc32 } from 'node:zlib';
import type { BlockHeader, ChainIdentity, Checkpoint, StateChange } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Place } from './segment-files.js';

/** What the store is: one record, written in every batch. */
export interface Meta {
  readonly checkpoint: Checkpoint;
  readonly identity: ChainIdentity | null;
  /** How many rollbacks there were; each left a note, so that one that was lost is missed. */
  readonly rollbacks: number;
}

/** A block without its bytes. */
export interface BlockInfo {
  readonly header: BlockHeader;
  readonly codec: string;
  readonly documentBytes: number;
  /** Number of changes of the state, so that an undo record that was lost is missed. */
  readonly changes: number;
  /** Where its bytes are. */
  readonly place: Place;
}

/** Length of the checksum in front of each value. LevelDB does not check its own when it reads. */
const CRC_BYTES = 4;

/** A value with the CRC-32 of its key and itself in front, so that a value under a wrong key is found too. */
export function sealValue(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat([Buffer.alloc(CRC_BYTES), ...parts]);
  value.writeUInt32LE(crc32(value.subarray(CRC_BYTES), crc32(key)), 0);
  return value;
}

/** What `sealValue` sealed. @throws SyncError `STORE_DAMAGED` */
export function openValue(key: Uint8Array, value: Buffer, what: string, height?: number): Buffer {
  const body = value.subarray(CRC_BYTES);
  if (value.byteLength >= CRC_BYTES && value.readUInt32LE(0) === crc32(body, crc32(key))) return body;
  throw new SyncError('STORE_DAMAGED', `The ${what} is damaged: its checksum is wrong.`, { height });
}

/** One compact JSON value. */
export const encodeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Reads a JSON record whose checksum was right. */
export function decodeJson(body: Buffer): unknown {
  return JSON.parse(body.toString());
}

type StoredMeta = Omit<Meta, 'checkpoint'> & {
  readonly checkpoint: Omit<Checkpoint, 'assumed' | 'confirmed'> & Partial<Checkpoint>;
};

/**
 * Reads what the store is. One that was written before there were snapshots has no `assumed`; one from before blocks
 * were confirmed has no `confirmed`, and begins with its final block: that can't be taken back in any case.
 */
export function decodeMeta(body: Buffer): Meta {
  const { checkpoint, ...more } = decodeJson(body) as StoredMeta;
  const { assumed = null, confirmed = checkpoint.finalized } = checkpoint;
  return { ...more, checkpoint: { ...checkpoint, assumed, confirmed } };
}

type UndoTuple = readonly [table: StateChange['table'], key: string, value: string | null];

/** What takes a block's changes back, in the order to make them. */
export function encodeUndo(changes: readonly StateChange[]): Buffer {
  const tuples = changes.map(({ table, key, value }): UndoTuple => {
    return [table, key, value === null ? null : Buffer.from(value).toString('base64')];
  });
  return encodeJson(tuples);
}

/** Reads an undo record. */
export function decodeUndo(body: Buffer): readonly StateChange[] {
  const tuples = decodeJson(body) as readonly UndoTuple[];
  return tuples.map(([table, key, value]) => {
    return { table, key, value: value === null ? null : Buffer.from(value, 'base64') };
  });
}
