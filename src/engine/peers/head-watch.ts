import { SyncError } from '../../errors/index.js';
import { sleep } from '../../internal/abort.js';
import type { Chain } from '../chain.js';
import type { EventHub } from '../event-hub.js';
import type { HeadCheck, Verdict } from './head-check.js';
import type { PeerRecord } from './peer-record.js';

/** A peer may have a block a moment before another; a claim counts when it is not met after this time. */
const GRACE_MS = 2_000;
/** How soon the heads are compared again while the node does not count as caught up. */
const DOUBT_MS = 1_000;

/** What watching the heads during a live connection works with. */
export interface HeadWatchDeps {
  readonly check: HeadCheck;
  readonly chain: Chain;
  readonly hub: EventHub;
  readonly headCheckMs: number;
  readonly staleAfterMs: number | null;
}

/**
 * Watches, while one peer is followed, what the others claim and how old the newest block is. Decides whether the node
 * counts as `synced`.
 *
 * @throws SyncError `PEER_BEHIND` naming a peer that is ahead, once it stays ahead; `HEAD_UNPROVED` when the followed one
 *   claims what it does not send.
 */
export async function watchHeads(deps: HeadWatchDeps, from: PeerRecord, signal: AbortSignal): Promise<never> {
  const { check, headCheckMs, staleAfterMs } = deps;
  let doubt: string | null = null;
  for (;;) {
    const verdict = await check.run(from, signal);
    await checkClaim(deps, verdict, from, signal);
    publish(deps, verdict, doubt);
    doubt = verdict.doubt?.code ?? null;
    const untilStaleMs = staleAfterMs === null ? Infinity : staleAfterMs - verdict.ageMs + 1;
    const pauseMs = verdict.doubt === null ? headCheckMs : Math.min(headCheckMs, DOUBT_MS);
    await sleep(untilStaleMs > 0 ? Math.min(pauseMs, untilStaleMs) : pauseMs, signal);
  }
}

async function checkClaim(
  { chain }: HeadWatchDeps,
  { ahead }: Verdict,
  from: PeerRecord,
  signal: AbortSignal,
): Promise<void> {
  const claimed = ahead?.status?.head ?? null;
  if (ahead === null || claimed === null) return;
  await sleep(GRACE_MS, signal);
  const height = chain.tip().head?.height ?? -1;
  if (height >= claimed.height) return;
  const message = `${ahead.peer.url} claims block ${claimed.height}; ${from.peer.url} has sent no more than block ${height}.`;
  throw new SyncError(ahead === from ? 'HEAD_UNPROVED' : 'PEER_BEHIND', message, {
    height: claimed.height,
    peer: ahead.peer.url,
  });
}

function publish(
  { hub, chain, staleAfterMs }: HeadWatchDeps,
  { doubt, ageMs }: Verdict,
  before: string | null,
): void {
  const { head } = chain.tip();
  if (staleAfterMs !== null) hub.stale({ stale: ageMs > staleAfterMs, ageMs, head });
  if (doubt === null) {
    hub.phase('synced');
    return;
  }
  if (doubt.code !== before) hub.warn(doubt.code, doubt.message);
  hub.phase('syncing');
}
