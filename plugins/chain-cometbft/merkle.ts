import { createHash } from 'node:crypto';

const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);

/** SHA-256. */
export function sha256(...pieces: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

/** The root of a Merkle tree (RFC 6962, section 2.1). */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return leaves.length === 0 ? sha256() : rootOf(leaves.map((leaf) => sha256(LEAF, leaf)));
}

function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes;
  if (first !== undefined && hashes.length === 1) return first;
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return sha256(INNER, rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}
