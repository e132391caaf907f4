import type { BlockHeader, StreamRequest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import type { RangeQuery } from './http.js';

type Describe = StreamRequest['describe'];

/** A block as it came. */
export interface EncodedBlock {
  readonly bytes: Uint8Array;
  /** `identity` for a document. */
  readonly codec: string;
}

/** The header as a block states it; `null` when it can't be read, which is for the verifier to judge. */
export function headerOf({ bytes, codec }: EncodedBlock, describe: Describe): BlockHeader | null {
  try {
    return describe?.(bytes, codec) ?? null;
  } catch {
    return null;
  }
}

/**
 * Finds out where in a response the range begins that was asked for. A plain web server ignores the query and sends
 * one file, mostly the whole chain: what lies below the range is left out.
 */
export class Placement {
  readonly #query: RangeQuery;
  readonly #read: (block: Uint8Array) => BlockHeader | null;
  /** Height of the last document that was left out. */
  #below: number | null = null;
  #taken = 0;
  #lastTaken: Uint8Array | null = null;

  /** @param read - the header of a block; `null` when it can't be read. */
  constructor(query: RangeQuery, read: (block: Uint8Array) => BlockHeader | null) {
    this.#query = query;
    this.#read = read;
  }

  /** Whether the response is not the range that was asked for but a file with more than that. */
  get ignoresRange(): boolean {
    const { from, to } = this.#query;
    return this.#below !== null || this.#taken > to - from + 1;
  }

  /** Height after the last block that belongs to the range or goes on behind it. */
  get next(): number {
    return this.#query.from + this.#taken;
  }

  /** The last block that was taken, as it came. */
  get last(): Uint8Array | null {
    return this.#lastTaken;
  }

  /** Height of the document with an index in the response, as far as can be told. */
  heightOf(index: number): number {
    if (this.#taken > 0) return this.next;
    return this.#below === null ? this.#query.from + index : this.#below + 1;
  }

  /**
   * Whether a block is to be delivered.
   *
   * @throws SyncError `FORKED`, `PROTOCOL_VIOLATION`
   */
  takes(block: Uint8Array): boolean {
    if (this.#taken === 0 && this.#isBelow(block)) return false;
    this.#taken++;
    this.#lastTaken = block;
    return true;
  }

  #isBelow(block: Uint8Array): boolean {
    const header = this.#read(block);
    if (header === null || header.height >= this.#query.from) return false;
    // Without this a peer could send old blocks for ever.
    if (this.#below !== null && header.height <= this.#below) throw unordered(header.height, this.#below);
    this.#checkParent(header);
    this.#below = header.height;
    return true;
  }

  #checkParent({ height, hash }: BlockHeader): void {
    const { from, parentHash } = this.#query;
    if (height !== from - 1 || parentHash === null || hash === parentHash) return;
    throw new SyncError('FORKED', `The peer has ${hash} at height ${height}; the block here is another.`, {
      height,
    });
  }
}

function unordered(height: number, after: number): SyncError {
  const message = `The response is not in order: block ${height} came after block ${after}.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height });
}
