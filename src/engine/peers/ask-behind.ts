import type { BlockRef, Transport } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import { codecsFor } from '../handshake.js';
import type { PeerRecord } from './peer-record.js';

/** What asking a peer for a block works with. */
export interface AskDeps {
  readonly chain: Chain;
  readonly transport: Transport;
  readonly acceptCodecs: readonly string[];
}

/** What a peer has behind a block: a block that stands on it, nothing, or it doesn't have that block. */
export type Behind = 'more' | 'nothing' | 'other';

/**
 * Asks a peer for the one block behind another, and verifies it. Nothing is stored.
 *
 * @throws SyncError
 */
export async function askBehind(
  { chain, transport, acceptCodecs }: AskDeps,
  { peer, status }: PeerRecord,
  ref: BlockRef,
  signal: AbortSignal,
): Promise<Behind> {
  const next = ref.height + 1;
  const verifier = chain.verifier({ head: ref, base: ref.height });
  const request = {
    peer,
    after: ref,
    from: next,
    to: next,
    follow: false,
    acceptCodecs: codecsFor(transport, acceptCodecs, status),
    describe: (bytes: Uint8Array, codec?: string) => chain.describe(bytes, codec),
  };
  try {
    for await (const items of transport.open(request, { signal })) {
      for (const item of items) {
        if (item.kind !== 'frame') continue;
        verifier.wireFrame(item);
        return 'more';
      }
    }
    return 'nothing';
  } catch (error) {
    if (isSyncError(error, 'FORKED') || isSyncError(error, 'PARENT_MISMATCH')) return 'other';
    throw error;
  }
}
