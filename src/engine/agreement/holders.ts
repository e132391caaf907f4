import type { BlockRef, Peer, PeerStatus, Transport } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { sleep, throwIfAborted } from '../../internal/abort.js';
import { type BackoffBounds, doublingMs } from '../../internal/backoff.js';
import { within } from '../../internal/deadline.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import { holds } from './locate.js';

/** A peer that is behind, or can't be asked, is asked again after this time. */
const AGAIN: BackoffBounds = { baseDelayMs: 250, maxDelayMs: 4_000 };

/** What finding out who has a block works with. */
export interface HoldersDeps {
  /** One that can ask whether a peer has a block. */
  readonly transport: Transport;
  /** Throws when a peer serves another chain. */
  readonly check: (status: PeerStatus) => void;
}

/** How many peers have to have a block, and how long those are asked that don't have it yet. */
export interface HoldersWanted {
  readonly count: number;
  readonly withinMs: number;
}

/**
 * Counts the peers that have a block, until there are as many as are wanted. One that has another block there has said
 * all; one that is behind or can't be asked is asked again until the time is over.
 */
export async function countHolders(
  deps: HoldersDeps,
  peers: readonly Peer[],
  ref: BlockRef,
  { count, withinMs }: HoldersWanted,
  signal: AbortSignal,
): Promise<number> {
  const enough = new LinkedAbort(signal);
  let holders = 0;
  const ask = async (peer: Peer, inner: AbortSignal): Promise<void> => {
    if (!(await answer(deps, peer, ref, inner))) return;
    holders += 1;
    if (holders >= count) enough.abort();
  };
  try {
    await within(withinMs, enough.signal, (inner) => Promise.all(peers.map((peer) => ask(peer, inner))));
  } catch (error) {
    throwIfAborted(signal);
    if (!isSyncError(error)) throw error;
  } finally {
    enough.release();
  }
  return holders;
}

/** A peer's answer, once it has one. @throws SyncError once the signal fires */
async function answer(deps: HoldersDeps, peer: Peer, ref: BlockRef, signal: AbortSignal): Promise<boolean> {
  for (let failures = 1; ; failures++) {
    try {
      return await hasNow(deps, peer, ref, signal);
    } catch (error) {
      throwIfAborted(signal);
      if (!isSyncError(error)) throw error;
    }
    await sleep(doublingMs(AGAIN, failures), signal);
  }
}

/** Its head is looked at before and after: what is above it a peer does not judge. @throws SyncError `PEER_*` */
async function hasNow(deps: HoldersDeps, peer: Peer, ref: BlockRef, signal: AbortSignal): Promise<boolean> {
  await checkReaches(deps, peer, ref, signal);
  const has = await holds(deps.transport, { peer }, ref, signal);
  await checkReaches(deps, peer, ref, signal);
  return has;
}

async function checkReaches(
  { transport, check }: HoldersDeps,
  peer: Peer,
  { height }: BlockRef,
  signal: AbortSignal,
): Promise<void> {
  const status = await transport.status(peer, { signal });
  if (status !== null) check(status);
  const head = status?.head?.height ?? -1;
  if (head < height) throw new SyncError('PEER_BEHIND', `The head of ${peer.url} is ${head}.`, { height });
}
