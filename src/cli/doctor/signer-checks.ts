import type { Peer, SignatureScheme, SnapshotType, TrustOptions } from '../../contracts/index.js';
import { checkTrust } from '../../engine/snapshot/trust.js';
import type { SnapshotClient } from '../commands/snapshot/client.js';
import { countText } from '../units.js';
import { broken, doubtful, fine, type Finding } from './check.js';

/** What a node is told of snapshots. */
export interface SignerCheck {
  readonly trust: TrustOptions;
  readonly scheme: SignatureScheme;
  readonly type: SnapshotType;
}

/** Looks at whose word the newest snapshot of a peer is, as a node with the same trust would. */
export async function checkSigners(
  client: SnapshotClient,
  peer: Peer,
  { trust, scheme, type }: SignerCheck,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const manifest = await client.manifest(peer, type, signal);
    if (manifest === null) {
      const text = `${peer.url} has no snapshot of type ${type} in a codec that is known here`;
      return doubtful('signers', text, 'A node that starts from it takes all blocks, one after the other.');
    }
    const { chain, chainId, height } = manifest;
    const deps = { trust, scheme, now: Date.now, chain, chainId, newest: null };
    const { signers, pinned } = await checkTrust(manifest, deps);
    const by = pinned ? 'has the pinned hash' : `is signed by ${countText(signers.length, 'trusted signer')}`;
    return fine('signers', `the snapshot of ${peer.url} at block ${height} ${by}`);
  } catch (error) {
    return broken('signers', error);
  }
}
