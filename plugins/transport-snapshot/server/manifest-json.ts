import type { SnapshotManifest } from '../../../src/contracts/index.js';

/** A manifest in the one spelling that is stored and served: the members of protocol section 2.5, in its order. */
export function manifestJson(manifest: SnapshotManifest): string {
  return JSON.stringify({
    version: manifest.version,
    id: manifest.id,
    chainId: manifest.chainId,
    chain: manifest.chain,
    type: manifest.type,
    height: manifest.height,
    base: manifest.base,
    blockHash: manifest.blockHash,
    timestamp: manifest.timestamp,
    codec: manifest.codec,
    hash: manifest.hash,
    size: manifest.size,
    rawSize: manifest.rawSize,
    parts: manifest.parts.map(({ offset, length, rawLength, sha256 }) => ({
      offset,
      length,
      rawLength,
      sha256,
    })),
    root: manifest.root,
    signatures: manifest.signatures.map(({ signer, signature }) => ({ signer, signature })),
  });
}
