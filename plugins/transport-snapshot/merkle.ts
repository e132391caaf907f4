import { createHash } from 'node:crypto';

/**
 * Merkle tree hash of a list (RFC 6962, section 2.1): leaves are hashed behind a 0 byte, inner nodes behind a 1 byte,
 * and the left side of a node is the largest full tree that fits.
 *
 * @param leaves - the bytes of the list's entries, in order.
 * @returns 32 bytes.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return sha256();
  return subtree(leaves.map((leaf) => sha256(LEAF, leaf)));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Pairs from the left, level by level; what is left over at the end rises as it is, which gives the RFC's tree. */
function subtree(hashes: readonly Buffer[]): Buffer {
  let level = hashes;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index], level[index + 1]];
      if (left !== undefined) above.push(right === undefined ? left : sha256(NODE, left, right));
    }
    level = above;
  }
  return level[0] ?? sha256();
}

function sha256(...pieces: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}
