import { fills } from './own-bytes.js';

const EMPTY = new Uint8Array(0);
/**
 * Pieces below this are gathered in blocks, so that a peer that sends single bytes can't cost an object for each; so are
 * those that are a small part of what they were read in, which would stay in memory whole.
 */
const SMALL_BYTES = 1024;
const LARGEST_BLOCK_BYTES = 64 * 1024;

/**
 * Bytes that come in pieces. One piece is handed on as it is; several are copied once, when they are taken. The pieces
 * must not change until then.
 */
export class ByteRope {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #block: Uint8Array = EMPTY;
  /** The part of the block that is not among the pieces yet. */
  #from = 0;
  #to = 0;

  /** Adds a piece at the end. */
  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const direct = this.#length === 0 || (piece.length >= SMALL_BYTES && fills(piece.length, piece));
    this.#length += piece.length;
    if (direct) {
      this.#closeBlock();
      this.#pieces.push(piece);
    } else this.#gather(piece);
  }

  /** All bytes so far; the rope is empty afterwards. */
  take(): Uint8Array {
    const bytes = this.peek();
    this.clear();
    return bytes;
  }

  /** All bytes so far, which the rope goes on to hold: once, whether or not somebody else does. */
  peek(): Uint8Array {
    this.#closeBlock();
    if (this.#pieces.length > 1) this.#pieces = [this.#join()];
    return this.#pieces[0] ?? EMPTY;
  }

  /** Forgets all bytes. */
  clear(): void {
    this.#pieces = [];
    this.#length = 0;
    // What `take` returned is never a part of the block, so its room is free again.
    this.#from = 0;
    this.#to = 0;
  }

  #gather(piece: Uint8Array): void {
    if (this.#to + piece.length > this.#block.length) this.#newBlock(piece.length);
    this.#block.set(piece, this.#to);
    this.#to += piece.length;
  }

  #newBlock(leastBytes: number): void {
    this.#closeBlock();
    const doubled = this.#block.length * 2;
    this.#block = new Uint8Array(Math.max(leastBytes, SMALL_BYTES, Math.min(doubled, LARGEST_BLOCK_BYTES)));
    this.#from = 0;
    this.#to = 0;
  }

  #closeBlock(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#block.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }

  #join(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}
