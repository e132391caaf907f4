import { crc32 } from 'node:zlib';
import type { Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { BlockInfo } from './records.js';

/** Bytes in front of a frame in its segment: length (4, LE), height (8, LE), checksum (4, LE). */
export const HEAD_BYTES = 16;
const CRC_AT = 12;

/** What goes in front of a frame's bytes. */
export function recordHead({ header, bytes }: Frame): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32LE(bytes.byteLength, 0);
  head.writeBigUInt64LE(BigInt(header.height), 4);
  head.writeUInt32LE(checksum(head, header.hash, bytes), CRC_AT);
  return head;
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
    record.readBigUInt64LE(4) === BigInt(height) &&
    record.readUInt32LE(CRC_AT) === checksum(record, hash, bytes);
  if (!isWhole) throw damaged(height, 'is damaged: its checksum is wrong');
  return { header, codec, documentBytes, bytes };
}

/** CRC-32 of length, height, hash and bytes: a record of another block at the place is noticed, also of the same height. */
function checksum(head: Buffer, hash: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(hash, crc32(head.subarray(0, CRC_AT))));
}

function damaged(height: number, how: string): SyncError {
  return new SyncError('STORE_DAMAGED', `The frame of block ${height} in the store ${how}.`, { height });
}
