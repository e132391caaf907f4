import { createHash } from 'node:crypto';
import { secp256k1, secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import { parseManifest, partsRoot } from '../../plugins/transport-snapshot/manifest.js';
import type { Signer, SnapshotManifest, SnapshotSignature } from '../../src/contracts/index.js';
import { manifestMessage } from '../../src/internal/snapshot-messages.js';

/** When the manifests here were made. */
export const MADE = 1_750_000_000_000;

export const scheme = secp256k1().create();

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A signer by number, the same in each run. */
export function signerOf(number: number): Promise<Signer> {
  return secp256k1Signer(createHash('sha256').update(`signer ${number}`).digest());
}

/** A manifest without signatures that is in order. */
export function plainManifest(change: Partial<SnapshotManifest> = {}): SnapshotManifest {
  const parts = [100, 200, 50].map((length, index) => ({
    offset: [0, 100, 300][index] ?? 0,
    length,
    rawLength: length * 2,
    sha256: sha256(`part ${index}`),
  }));
  return parseManifest({
    version: 1,
    id: 'recent-500-abc',
    chainId: 'clinic:7',
    chain: 'sealed-json',
    type: 'recent',
    height: 500,
    base: 100,
    blockHash: sha256('block 500'),
    timestamp: MADE,
    codec: 'bzip2',
    hash: sha256('document'),
    size: 350,
    rawSize: 700,
    parts,
    root: partsRoot(parts),
    signatures: [],
    ...change,
  });
}

/** What a signer puts into a manifest. */
export async function signatureOf(
  manifest: SnapshotManifest,
  signer: Signer,
  message = manifestMessage(manifest),
): Promise<SnapshotSignature> {
  return { signer: signer.publicKey, signature: await signer.sign(message) };
}

/** A manifest that these signers have signed, in this order. */
export async function signedManifest(
  signers: readonly Signer[],
  change: Partial<SnapshotManifest> = {},
): Promise<SnapshotManifest> {
  const manifest = plainManifest(change);
  return { ...manifest, signatures: await Promise.all(signers.map((each) => signatureOf(manifest, each))) };
}
