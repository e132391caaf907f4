import { constants, deflateRaw } from 'node:zlib';

/** A piece up to this size takes less time than it saves room. */
const STORED_BYTES = 256;
/** Takes half the time of zlib's default, 6; blocks of 1 KB take a twentieth more bytes, 163 in place of 154. */
const LEVEL = 3;

/** Most that zlib writes at once, in bytes. */
const OUTPUT_BYTES = 64 * 1024;

/**
 * Compresses the pieces of streams, each as whole DEFLATE blocks that refer to nothing before them, end at a byte (RFC
 * 1951) and are not final. A piece that is the same object in several streams, as a live block is, is compressed once.
 * So a follower holds no state of an encoder, which would be ten times what it takes else.
 */
export class DeflateParts {
  readonly #parts = new WeakMap<Uint8Array, Uint8Array | Promise<Uint8Array>>();

  /** The part for a piece that must not be modified any more; not a promise when it is at hand. */
  of(piece: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.#parts.get(piece) ?? this.#make(piece);
  }

  #make(piece: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const made = piece.length <= STORED_BYTES ? stored(piece) : this.#compress(piece);
    this.#parts.set(piece, made);
    return made;
  }

  async #compress(piece: Uint8Array): Promise<Uint8Array> {
    const part = await deflated(piece);
    this.#parts.set(piece, part);
    return part;
  }
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
  return new Promise((resolve, reject) => {
    const chunkSize = Math.min(piece.length, OUTPUT_BYTES);
    const options = { level: LEVEL, chunkSize, finishFlush: constants.Z_FULL_FLUSH };
    deflateRaw(piece, options, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}
