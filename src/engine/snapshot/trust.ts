import type {
  BlockRef,
  SignatureScheme,
  SnapshotClaims,
  SnapshotSignature,
  TrustOptions,
} from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { peerText } from '../../internal/http/shape.js';
import { documentMessage, manifestMessage } from '../../internal/snapshot-messages.js';
import { durationText } from './trust-text.js';

/** Signatures of a manifest that are looked at. More than these no network has, and each takes a few milliseconds. */
export const MAX_CHECKED_SIGNATURES = 64;

/** How far a snapshot's clock may be ahead of this one, in milliseconds. */
const MAX_AHEAD_MS = 10 * 60_000;

/** What the word of a manifest is weighed against. */
export interface TrustDeps {
  /** `null` trusts nobody. */
  readonly trust: TrustOptions | null;
  readonly scheme: SignatureScheme;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Full name of our chain rules. */
  readonly chain: string;
  /** Name of our chain; `null` while it is not known. */
  readonly chainId: string | null;
  /** Our head, or the newest height ever trusted, whichever is higher; `null` for none. */
  readonly newest: BlockRef | null;
}

/** Why a manifest was taken. */
export interface TrustVerdict {
  /** The trusted signers whose signatures are valid, in the manifest's order; empty for a pinned hash. */
  readonly signers: readonly string[];
  /** Whether it was taken for its hash alone. */
  readonly pinned: boolean;
}

/**
 * Decides whether a snapshot is taken on the word of its manifest (protocol section 3.5): it is of our chain, newer than
 * what we have, and either the document with the pinned hash, whatever its age, or signed by enough different trusted
 * signers not too long ago.
 *
 * The signatures don't cover `id`, `chain`, `base`, `blockHash`, `codec` and the parts' lengths: those rest on the
 * document's hash, which they do cover, once the document has been compared with the manifest.
 *
 * @throws SyncError `SNAPSHOT_UNTRUSTED`, `CHAIN_MISMATCH`, `SNAPSHOT_EXPIRED`, `SNAPSHOT_STALE`
 */
export async function checkTrust(manifest: SnapshotClaims, deps: TrustDeps): Promise<TrustVerdict> {
  const trust = anchored(deps.trust);
  checkChain(manifest, deps);
  const verdict = await verdictOn(manifest, trust, deps.scheme);
  if (!verdict.pinned) checkAge(manifest, trust.maxAgeMs, deps.now());
  checkNewer(manifest, deps.newest);
  return verdict;
}

/**
 * Checks the signature at the end of a snapshot's document, whoever made it: a document that contradicts its own
 * signature was tampered with.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export async function checkDocumentSignature(
  manifest: SnapshotClaims,
  { signer, signature }: SnapshotSignature,
  scheme: SignatureScheme,
): Promise<void> {
  if (await scheme.verify(documentMessage(manifest), signature, signer)) return;
  throw new SyncError(
    'SNAPSHOT_CORRUPT',
    `The signature in the document of snapshot ${manifest.id} is not one of ${peerText(signer, 80)} over it.`,
    { height: manifest.height },
  );
}

function anchored(trust: TrustOptions | null): TrustOptions {
  if (trust !== null && (trust.signers.length > 0 || trust.hash !== null)) return trust;
  throw new SyncError(
    'SNAPSHOT_UNTRUSTED',
    'No trust anchor is configured, neither signers nor a hash, so that no snapshot is taken.',
  );
}

function checkChain({ chain, chainId, height }: SnapshotClaims, ours: TrustDeps): void {
  if (chain !== ours.chain) {
    const message = `The snapshot is of a chain with the rules ${JSON.stringify(chain)}, ours has ${ours.chain}.`;
    throw new SyncError('CHAIN_MISMATCH', message, { height });
  }
  if (ours.chainId === null || chainId === ours.chainId) return;
  const message = `The snapshot is of the chain ${JSON.stringify(chainId)}, ours is ${JSON.stringify(ours.chainId)}.`;
  throw new SyncError('CHAIN_MISMATCH', message, { height });
}

async function verdictOn(
  manifest: SnapshotClaims,
  trust: TrustOptions,
  scheme: SignatureScheme,
): Promise<TrustVerdict> {
  if (manifest.hash === trust.hash) return { signers: [], pinned: true };
  const { height } = manifest;
  if (trust.signers.length === 0) {
    const message = `The snapshot has the hash ${manifest.hash}, the pinned one is ${String(trust.hash)}.`;
    throw new SyncError('SNAPSHOT_UNTRUSTED', message, { height });
  }
  const signers = await validSigners(manifest, new Set(trust.signers), scheme);
  // Written so that a threshold that is no number is never reached.
  if (signers.length >= Math.max(1, trust.threshold)) return { signers, pinned: false };
  const message = `${signers.length} of the ${trust.signers.length} trusted signers have signed the snapshot, ${trust.threshold} are needed.`;
  throw new SyncError('SNAPSHOT_UNTRUSTED', message, { height });
}

/** Different trusted signers with a valid signature. A bad one in somebody's name takes nothing from a good one. */
async function validSigners(
  manifest: SnapshotClaims,
  trusted: ReadonlySet<string>,
  scheme: SignatureScheme,
): Promise<readonly string[]> {
  const message = manifestMessage(manifest);
  const valid = new Set<string>();
  for (const { signer, signature } of manifest.signatures.slice(0, MAX_CHECKED_SIGNATURES)) {
    if (!trusted.has(signer) || valid.has(signer)) continue;
    // Each takes some milliseconds: others have their turn between two.
    await turn();
    if (await scheme.verify(message, signature, signer)) valid.add(signer);
  }
  return [...valid];
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

function checkAge({ height, timestamp }: SnapshotClaims, maxAgeMs: number | null, now: number): void {
  const age = now - timestamp;
  if (age < -MAX_AHEAD_MS) {
    const message = `The snapshot says that it was made ${durationText(-age)} in the future; ${durationText(MAX_AHEAD_MS)} are allowed.`;
    throw new SyncError('SNAPSHOT_EXPIRED', message, { height });
  }
  if (maxAgeMs === null || age <= maxAgeMs) return;
  const message = `The snapshot was made ${durationText(age)} ago; ${durationText(maxAgeMs)} are allowed.`;
  throw new SyncError('SNAPSHOT_EXPIRED', message, { height });
}

function checkNewer({ height }: SnapshotClaims, newest: BlockRef | null): void {
  if (newest === null || height > newest.height) return;
  const message = `The snapshot ends at block ${height}; block ${newest.height} is here or was trusted before.`;
  throw new SyncError('SNAPSHOT_STALE', message, { height });
}
