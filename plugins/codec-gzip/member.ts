import { crc32 } from 'node:zlib';
import { SyncError } from '../../src/errors/index.js';

// RFC 1952 section 2.3.1: bits of the FLG byte.
const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
const RESERVED = 0xe0;

const FIXED_HEADER_BYTES = 10;

/** CRC-32 and ISIZE, RFC 1952 section 2.3.1. */
export const TRAILER_BYTES = 8;

/** Longest header taken. Encoders write 10 bytes, or a file name more; the format itself has no bound. */
const MAX_HEADER_BYTES = 8192;

/**
 * Length of the gzip header that the bytes start with; `null` when they end inside it (RFC 1952 section 2.3).
 *
 * @throws SyncError `CODEC_CORRUPT` for another format, reserved flags, a wrong header checksum or more than
 * {@link MAX_HEADER_BYTES}
 */
export function headerLength(bytes: Uint8Array): number | null {
  checkMagic(bytes);
  if (bytes.length < FIXED_HEADER_BYTES) return null;
  const flags = bytes[3] ?? 0;
  if ((flags & RESERVED) !== 0) throw corrupt('reserved flag bits are set');
  const end = flags === 0 ? FIXED_HEADER_BYTES : optionalFieldsEnd(bytes, flags);
  if ((end === Infinity ? bytes.length : end) > MAX_HEADER_BYTES) {
    throw corrupt(`the header has more than ${MAX_HEADER_BYTES} bytes`);
  }
  return end > bytes.length ? null : end;
}

/** @throws SyncError `CODEC_CORRUPT` when the trailer does not state this checksum and length */
export function checkTrailer(trailer: Uint8Array, crc: number, length: number): void {
  if (uint32(trailer, 0) !== crc) throw corrupt('the checksum is wrong');
  if (uint32(trailer, 4) !== length % 2 ** 32) throw corrupt('the length in the trailer is wrong');
}

/** Unsigned little-endian 32-bit number. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0;
}

/** The error for bytes that are not exactly one gzip member. */
export function corrupt(what: string, cause?: unknown): SyncError {
  return new SyncError('CODEC_CORRUPT', `Not exactly one gzip member: ${what}.`, { cause });
}

function checkMagic(bytes: Uint8Array): void {
  const [id1, id2, method] = bytes;
  if ((id1 ?? 0x1f) !== 0x1f || (id2 ?? 0x8b) !== 0x8b) throw corrupt('it does not start with 1f 8b');
  if ((method ?? 8) !== 8) throw corrupt(`compression method ${String(method)} is unknown`);
}

/** Where the optional fields end; `Infinity` when the bytes end before them. */
function optionalFieldsEnd(bytes: Uint8Array, flags: number): number {
  let at = FIXED_HEADER_BYTES;
  if ((flags & FEXTRA) !== 0) at = at + 2 > bytes.length ? Infinity : at + 2 + uint16(bytes, at);
  if ((flags & FNAME) !== 0) at = stringEnd(bytes, at);
  if ((flags & FCOMMENT) !== 0) at = stringEnd(bytes, at);
  if ((flags & FHCRC) === 0) return at;
  if (at + 2 > bytes.length) return Infinity;
  const expected = crc32(bytes.subarray(0, at)) & 0xffff;
  if (uint16(bytes, at) !== expected) throw corrupt("the header's checksum is wrong");
  return at + 2;
}

function stringEnd(bytes: Uint8Array, from: number): number {
  if (from > bytes.length) return Infinity;
  const nul = bytes.indexOf(0, from);
  return nul < 0 ? Infinity : nul + 1;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}
