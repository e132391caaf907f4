import { crc32 } from 'node:zlib';
import { freeMemory } from '../internal/free-memory.js';
import { DEFLATE_MAX_RATIO, inflate, type InflateBounds, type Inflated } from '../internal/node/inflate.js';
import { gunzipTo, LINE_END, LINE_FEED, LINE_FEED_MEMBER, MAX_MEMBER_BYTES, type Piece } from './body.js';
import type { Pace } from './pace.js';

/** What a gzip member of ours begins with: deflate, and no fields in its header (RFC 1952 section 2.3). */
const PLAIN_HEADER = Uint8Array.of(0x1f, 0x8b, 0x08, 0x00);
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/** A body, decoded. */
export interface DecodedBody {
  readonly documents: Buffer;
  /** What it is made of; `null` where it is none in our layout. */
  readonly pieces: readonly Piece[] | null;
}

/**
 * Decodes a body, and finds out on the way where its pieces begin: that a piece decodes by itself is only known of one
 * that was decoded by itself.
 *
 * @param maxBytes - of documents; nothing more is ever made.
 * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
 */
export async function decodePieces(body: Uint8Array, maxBytes: number, pace: Pace): Promise<DecodedBody> {
  const own = await decodeOwn(body, maxBytes, pace);
  // What is wrong with another one, if anything is, says Node's own decoder.
  return own ?? { documents: await gunzipTo(body, maxBytes), pieces: null };
}

async function decodeOwn(body: Uint8Array, maxBytes: number, pace: Pace): Promise<DecodedBody | null> {
  const reader = new PieceReader(body);
  const documents = Buffer.allocUnsafeSlow(Math.min(maxBytes, body.byteLength * DEFLATE_MAX_RATIO));
  const pieces: Piece[] = [];
  let length = 0;
  while (!reader.isAtEnd) {
    const piece = reader.next(documents.subarray(length));
    if (piece === null || !mayFollow(pieces.at(-1), piece)) return null;
    pieces.push(piece);
    length += piece.documentBytes;
    if (pace.isDue) await pace.next();
  }
  return pieces.length === 0 ? null : { documents: documents.subarray(0, length), pieces };
}

/** Whether we would not have put a piece into the one before. */
function mayFollow(before: Piece | undefined, { documentBytes, isSplit }: Piece): boolean {
  if (before === undefined || before.isSplit || isSplit) return true;
  return before.documentBytes + documentBytes > MAX_MEMBER_BYTES;
}

/** Reads the pieces of a body one after the other. */
class PieceReader {
  readonly #body: Buffer;
  #offset = 0;
  /** Where the next member is that is a line feed alone; `Infinity` when there is none. */
  #lineFeedAt = -1;

  constructor(body: Uint8Array) {
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#body.byteLength;
  }

  /** Decodes the next piece into the beginning of `to`; `null` when it is none of ours, or there is no room for it. */
  next(to: Buffer): Piece | null {
    const start = this.#offset;
    const document = this.#member(to.byteLength);
    if (document === null) return null;
    const { byteLength } = document;
    const isSplit = byteLength >= MAX_MEMBER_BYTES && this.#skipLineFeed();
    const documentBytes = isSplit ? byteLength + 1 : byteLength;
    if (documentBytes > to.byteLength) return null;
    to.set(document);
    freeMemory(document);
    if (isSplit) to.set(LINE_END, byteLength);
    else if (byteLength > MAX_MEMBER_BYTES || to[byteLength - 1] !== LINE_FEED) return null;
    return { bytes: this.#offset - start, documentBytes, isSplit };
  }

  #member(maxBytes: number): Buffer | null {
    const start = this.#offset + HEADER_BYTES;
    if (!startsWith(this.#body, this.#offset, PLAIN_HEADER)) return null;
    const inflated = this.#inflate(start, maxBytes);
    if (inflated === null) return null;
    const trailer = start + inflated.consumed;
    if (!this.#hasTrailer(trailer, inflated.bytes)) return null;
    this.#offset = trailer + TRAILER_BYTES;
    return inflated.bytes;
  }

  #inflate(start: number, maxBytes: number): Inflated | null {
    try {
      return inflate(this.#body.subarray(start), this.#bounds(maxBytes));
    } catch {
      return null;
    }
  }

  /** What a large document's length is, is told by the end of its member, in front of the next line feed's. */
  #bounds(maxBytes: number): InflateBounds {
    if (this.#lineFeedAt < this.#offset) {
      const found = this.#body.indexOf(LINE_FEED_MEMBER, this.#offset);
      this.#lineFeedAt = found < 0 ? Infinity : found;
    }
    const small = { maxBytes: Math.min(maxBytes, MAX_MEMBER_BYTES), expectedBytes: MAX_MEMBER_BYTES };
    if (this.#lineFeedAt === Infinity || this.#lineFeedAt < TRAILER_BYTES) return small;
    const stated = this.#body.readUInt32LE(this.#lineFeedAt - 4);
    return { maxBytes, expectedBytes: Math.max(stated, MAX_MEMBER_BYTES) };
  }

  #skipLineFeed(): boolean {
    if (!startsWith(this.#body, this.#offset, LINE_FEED_MEMBER)) return false;
    this.#offset += LINE_FEED_MEMBER.byteLength;
    return true;
  }

  #hasTrailer(at: number, decoded: Buffer): boolean {
    if (at + TRAILER_BYTES > this.#body.byteLength) return false;
    const isLength = this.#body.readUInt32LE(at + 4) === decoded.byteLength % 2 ** 32;
    return isLength && this.#body.readUInt32LE(at) === crc32(decoded);
  }
}

function startsWith(bytes: Buffer, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.byteLength; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
