import { hash as digest } from 'node:crypto';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/**
 * Merkle tree hash of a list (RFC 6962, section 2.1), entry by entry: leaves are hashed behind a 0 byte, inner nodes behind
 * a 1 byte, and the left side of a node is the largest full tree that fits. Holds one hash for each level.
 */
export class MerkleTree {
  /** Roots of full trees, the largest first: one for each bit of the count that is set. */
  readonly #full: Buffer[] = [];
  #count = 0;

  /** Adds an entry of the list. */
  add(leaf: Uint8Array): void {
    let hash = sha256(LEAF, leaf);
    for (let bits = this.#count; (bits & 1) === 1; bits >>= 1) {
      hash = sha256(NODE, this.#full.pop() ?? hash, hash);
    }
    this.#full.push(hash);
    this.#count++;
  }

  /** The hash over all that were added, 32 bytes. */
  root(): Buffer {
    const [last, ...larger] = this.#full.toReversed();
    if (last === undefined) return sha256();
    return larger.reduce((right, left) => sha256(NODE, left, right), last);
  }
}

/** In one call: an object for each of many hashes keeps the collector busy for longer than hashing takes. */
function sha256(...pieces: readonly Uint8Array[]): Buffer {
  return digest('sha256', Buffer.concat(pieces), 'buffer');
}
