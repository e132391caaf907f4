import { crc32 } from 'node:zlib';
import type { Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { BlockInfo } from './records.js';
import type { Placed } from './segment-writer.js';
import type { Segments } from './segments.js';

/** Bytes in front of a frame in its segment: length (4, LE), height (8, LE), checksum (4, LE). */
const HEAD_BYTES = 16;
const CRC_AT = 12;

/** Frames below this many bytes are copied behind each other: a piece of its own costs a write more than the copy. */
const COPIED_BYTES = 8192;
const UINT32 = 2 ** 32;

/** Places frames behind those that a segment has. */
export function placeFrames(segments: Segments, frames: readonly Frame[]): Placed {
  // Each is read once: a block of a tile is decoded where its bytes are.
  const records = frames.map(({ header, bytes }) => ({ header, bytes }));
  const lengths = records.map(({ bytes }) => HEAD_BYTES + bytes.byteLength);
  return { places: segments.place(lengths), parts: encodeRecords(records) };
}

/** What a record has of a frame. */
type RecordFrame = Pick<Frame, 'header' | 'bytes'>;

/** The bytes of records that lie behind each other, in pieces. */
function encodeRecords(frames: readonly RecordFrame[]): readonly Uint8Array[] {
  let bytes = 0;
  for (const frame of frames) bytes += HEAD_BYTES + frame.bytes.byteLength;
  if (bytes > frames.length * COPIED_BYTES)
    return frames.flatMap((frame) => [recordHead(frame), frame.bytes]);
  const records = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const frame of frames) {
    writeHead(records, at, frame);
    records.set(frame.bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + frame.bytes.byteLength;
  }
  return [records];
}

function recordHead(frame: RecordFrame): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  writeHead(head, 0, frame);
  return head;
}

function writeHead(target: Buffer, at: number, { header: { height, hash }, bytes }: RecordFrame): void {
  target.writeUInt32LE(bytes.byteLength, at);
  target.writeUInt32LE(height % UINT32, at + 4);
  target.writeUInt32LE(Math.floor(height / UINT32), at + 8);
  target.writeUInt32LE(checksum(target.subarray(at, at + CRC_AT), hash, bytes), at + CRC_AT);
}

/**
 * The frame in a record; its bytes are a view into it.
 *
 * @param record - what is at the block's place; shorter than the place when the file ends before.
 * @throws SyncError `STORE_DAMAGED` naming the height
 */
export function openRecord(record: Buffer, { header, codec, documentBytes, place }: BlockInfo): Frame {
  const { height, hash } = header;
  if (record.byteLength < place.bytes) throw damaged(height, 'is cut');
  const bytes = record.subarray(HEAD_BYTES);
  const isWhole =
    record.readUInt32LE(0) === bytes.byteLength &&
    record.readUInt32LE(4) + record.readUInt32LE(8) * UINT32 === height &&
    record.readUInt32LE(CRC_AT) === checksum(record.subarray(0, CRC_AT), hash, bytes);
  if (!isWhole) throw damaged(height, 'is damaged: its checksum is wrong');
  return { header, codec, documentBytes, bytes };
}

/** CRC-32 of length, height, hash and bytes: a record of another block at the place is noticed, also of the same height. */
function checksum(head: Buffer, hash: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(hash, crc32(head)));
}

function damaged(height: number, how: string): SyncError {
  return new SyncError('STORE_DAMAGED', `The frame of block ${height} in the store ${how}.`, { height });
}
