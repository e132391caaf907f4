import { createHash } from 'node:crypto';

/** SHA-256 of the SHA-256, which all hashes of Bitcoin are. */
export function doubleSha256(...pieces: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return createHash('sha256').update(hash.digest()).digest();
}

/** Hashes are shown with their last byte first. */
export function reversed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).reverse();
}

/**
 * The root of a Merkle tree of transactions; `null` when two neighbours at any level are the same: the tree of a list whose
 * end is repeated has the same root (CVE-2012-2459), and nobody makes such a block.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array | null {
  let level = leaves;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const left = level[at] as Uint8Array;
      const right = level[at + 1];
      if (right !== undefined && Buffer.compare(left, right) === 0) return null;
      above.push(doubleSha256(left, right ?? left));
    }
    level = above;
  }
  return level[0] ?? null;
}
