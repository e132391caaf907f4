import { concatBytes, indexOfBytes } from '#platform/bytes';
import { crc32, MemberReader } from '#platform/gzip';
import { LINE_END, LINE_FEED, LINE_FEED_MEMBER, MAX_MEMBER_BYTES, type Piece } from './body.js';

/** What a gzip member of ours begins with: deflate, and no fields in its header (RFC 1952 section 2.3). */
const PLAIN_HEADER = Uint8Array.of(0x1f, 0x8b, 0x08, 0x00);
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/** A piece of a body, decoded. */
export interface DecodedPiece extends Piece {
  /** Its documents, each with its line feed. */
  readonly documents: Uint8Array;
}

/** Whether we would not have put a piece into the one before. */
export function mayFollow(before: Piece | undefined, { documentBytes, isSplit }: Piece): boolean {
  if (before === undefined || before.isSplit || isSplit) return true;
  return before.documentBytes + documentBytes > MAX_MEMBER_BYTES;
}

/**
 * Decodes the pieces of a body one after the other, and so finds out where they begin: that a piece decodes by itself is
 * only known of one that was decoded by itself.
 */
export class PieceReader {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  readonly #members: MemberReader;
  #offset = 0;
  /** Where the next member is that is a line feed alone; `Infinity` when there is none. */
  #lineFeedAt = -1;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.#members = new MemberReader(body);
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#body.byteLength;
  }

  /**
   * Decodes the next piece; `null` when it is none of ours, or has more documents than may be.
   *
   * @param maxBytes - of documents.
   */
  next(maxBytes: number): DecodedPiece | null {
    const start = this.#offset;
    const member = this.#member(maxBytes);
    if (member === null) return null;
    const { byteLength } = member;
    const isSplit = byteLength >= MAX_MEMBER_BYTES && this.#skipLineFeed();
    if (!isSplit && (byteLength > MAX_MEMBER_BYTES || member[byteLength - 1] !== LINE_FEED)) return null;
    const documents = isSplit ? withLineFeed(member) : member;
    if (documents.byteLength > maxBytes) return null;
    return { bytes: this.#offset - start, documentBytes: documents.byteLength, isSplit, documents };
  }

  #member(maxBytes: number): Uint8Array | null {
    if (!startsWith(this.#body, this.#offset, PLAIN_HEADER)) return null;
    const member = this.#members.read(this.#offset, HEADER_BYTES, this.#bounds(maxBytes));
    if (member === null || !this.#hasTrailer(member.trailerAt, member.bytes)) return null;
    this.#offset = member.trailerAt + TRAILER_BYTES;
    return member.bytes;
  }

  /** What a large document's length is, is told by the end of its member, in front of the next line feed's. */
  #bounds(maxBytes: number): Parameters<MemberReader['read']>[2] {
    if (this.#lineFeedAt < this.#offset) {
      const found = indexOfBytes(this.#body, LINE_FEED_MEMBER, this.#offset);
      this.#lineFeedAt = found < 0 ? Infinity : found;
    }
    const small = { maxBytes: Math.min(maxBytes, MAX_MEMBER_BYTES), expectedBytes: MAX_MEMBER_BYTES };
    if (this.#lineFeedAt === Infinity || this.#lineFeedAt < TRAILER_BYTES) return small;
    const stated = this.#view.getUint32(this.#lineFeedAt - 4, true);
    return { maxBytes, expectedBytes: Math.max(stated, MAX_MEMBER_BYTES) };
  }

  #skipLineFeed(): boolean {
    if (!startsWith(this.#body, this.#offset, LINE_FEED_MEMBER)) return false;
    this.#offset += LINE_FEED_MEMBER.byteLength;
    return true;
  }

  #hasTrailer(at: number, decoded: Uint8Array): boolean {
    if (at + TRAILER_BYTES > this.#body.byteLength) return false;
    const isLength = this.#view.getUint32(at + 4, true) === decoded.byteLength % 2 ** 32;
    return isLength && this.#view.getUint32(at, true) === crc32(decoded);
  }
}

/**
 * A document and its line feed, in the same memory where the decoder has made it by itself, with its one byte more. Any
 * other memory may be shared: of Node's pool, as large as a host has set that, the next byte is somebody else's.
 */
function withLineFeed(document: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = document;
  if (byteOffset !== 0 || buffer.byteLength !== byteLength + 1) return concatBytes([document, LINE_END]);
  const line = new Uint8Array(buffer, byteOffset, byteLength + 1);
  line[byteLength] = LINE_FEED;
  return line;
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.byteLength; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
