import { constants, crc32, deflateRaw } from 'node:zlib';
import { shiftOf } from './crc32.js';

/** A piece of a stream as DEFLATE blocks that refer to nothing before them: it goes into any stream. */
export interface Part {
  /** Whole blocks that end at a byte (RFC 1951), none of them the final one. */
  readonly bytes: Uint8Array;
  /** Of the piece itself. */
  readonly crc: number;
  /** Of the piece itself, in bytes. */
  readonly length: number;
  /** What the length does to the CRC of what comes before. */
  readonly shift: number;
}

/** A piece up to this size takes less time than it saves room. */
const STORED_BYTES = 256;
/** Takes half the time of zlib's default, 6; blocks of 1 KB take a twentieth more bytes, 163 in place of 154. */
const LEVEL = 3;
/** Most that zlib writes at once, in bytes. */
const OUTPUT_BYTES = 64 * 1024;

/** Compresses the pieces of streams; a piece that is the same object in several of them is compressed once. */
export class DeflateParts {
  readonly #parts = new WeakMap<Uint8Array, Part | Promise<Part>>();

  /** The part for a piece that must not be modified any more; not a promise when it is at hand. */
  of(piece: Uint8Array): Part | Promise<Part> {
    return this.#parts.get(piece) ?? this.#make(piece);
  }

  #make(piece: Uint8Array): Part | Promise<Part> {
    const made = piece.length <= STORED_BYTES ? partOf(piece, stored(piece)) : this.#compress(piece);
    this.#parts.set(piece, made);
    return made;
  }

  async #compress(piece: Uint8Array): Promise<Part> {
    const part = partOf(piece, await deflated(piece));
    this.#parts.set(piece, part);
    return part;
  }
}

function partOf(piece: Uint8Array, bytes: Uint8Array): Part {
  const { length } = piece;
  return { bytes, crc: crc32(piece), length, shift: shiftOf(length) };
}

/** A stored block (RFC 1951 section 3.2.4): it begins at a byte, as each part does. */
function stored(piece: Uint8Array): Uint8Array {
  const block = Buffer.alloc(5 + piece.length);
  block.writeUInt16LE(piece.length, 1);
  block.writeUInt16LE(piece.length ^ 0xffff, 3);
  block.set(piece, 5);
  return block;
}

/** On a thread of the pool. The full flush ends it at a byte, and without the final block. */
function deflated(piece: Uint8Array): Promise<Uint8Array> {
  const chunkSize = Math.min(piece.length, OUTPUT_BYTES);
  return new Promise((resolve, reject) => {
    deflateRaw(piece, { level: LEVEL, chunkSize, finishFlush: constants.Z_FULL_FLUSH }, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}
