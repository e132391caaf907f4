import type { BlockRef, Transport } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import { negotiateCodecs } from '../handshake.js';
import type { PeerRecord } from './peer-record.js';

/** What comparing the chains of peers works with. */
export interface AgreementDeps {
  readonly chain: Chain;
  readonly transport: Transport;
  readonly acceptCodecs: readonly string[];
}

/**
 * How many peers are on one chain with a peer, itself included. Of each two, the one that is further has to have the
 * head of the other.
 */
export async function countAgreeing(
  deps: AgreementDeps,
  record: PeerRecord,
  others: readonly PeerRecord[],
  signal: AbortSignal,
): Promise<number> {
  const answers = await Promise.all(
    others.filter((other) => other !== record).map((other) => agree(deps, record, other, signal)),
  );
  return 1 + answers.filter((answer) => answer).length;
}

async function agree(
  deps: AgreementDeps,
  a: PeerRecord,
  b: PeerRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const headA = a.status?.head ?? null;
  const headB = b.status?.head ?? null;
  if (headA === null || headB === null) return false;
  if (headA.height === headB.height) return headA.hash === headB.hash;
  const [low, high] = headA.height < headB.height ? [headA, b] : [headB, a];
  return holds(deps, high, low, signal);
}

/** Whether a peer has a block on its chain; a peer that fails counts as one that has not. */
async function holds(
  deps: AgreementDeps,
  record: PeerRecord,
  ref: BlockRef,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await askBehind(deps, record, ref, signal)) === 'more';
  } catch (error) {
    if (isSyncError(error) && !signal.aborted) return false;
    throw error;
  }
}

/** What a peer has behind a block: a block that stands on it, nothing, or it doesn't have that block. */
export type Behind = 'more' | 'nothing' | 'other';

/**
 * Asks a peer for the one block behind another, and verifies it. Nothing is stored.
 *
 * @throws SyncError
 */
export async function askBehind(
  { chain, transport, acceptCodecs }: AgreementDeps,
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
    acceptCodecs: negotiateCodecs(acceptCodecs, status, transport.mode),
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
