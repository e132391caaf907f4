import { SyncError } from '../../errors/index.js';
import { TimedWakeUp } from '../agreement/timed-wake-up.js';
import type { Chain } from '../../chain/chain.js';
import type { EventHub } from '../events/event-hub.js';
import type { HeadCheck, Verdict } from './head-check.js';
import type { PeerRecord } from './peer-record.js';

/** A peer may have a block before another; its claim counts when it is not met after this time. */
const GRACE_MS = 5_000;
/** What is followed may be a large block on a slow line: its peer has this long to send what it claims. */
const OWN_GRACE_MS = 60_000;
/** How soon the heads are compared again while the node does not count as caught up, or a claim is open. */
const DOUBT_MS = 1_000;

/** What watching the heads during a live connection works with. */
export interface HeadWatchDeps {
  readonly check: HeadCheck;
  readonly chain: Chain;
  readonly hub: EventHub;
  readonly headCheckMs: number;
  readonly staleAfterMs: number | null;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Whether most peers are on the branch that the followed one is held for. */
  isOutvoted(): boolean;
  /** Whether the followed peer has shown that it is on another branch than ours. */
  isHeld(): boolean;
}

/**
 * Watches, while one peer is followed, what the others claim and how old the newest block is. Decides whether the node
 * counts as `synced`.
 *
 * @throws SyncError `FORKED` when most peers are on another branch, which is taken when it is asked for again;
 *   `PEER_BEHIND` naming a peer that is ahead, once it stays ahead; `HEAD_UNPROVED` when the followed one
 *   claims what it does not send, or names another head than it has sent.
 */
export async function watchHeads(deps: HeadWatchDeps, from: PeerRecord, signal: AbortSignal): Promise<never> {
  const wake = new TimedWakeUp();
  let inDoubt = false;
  // What is confirmed may end a doubt.
  const unlisten = deps.chain.onConfirmed(() => {
    if (inDoubt) wake.notify();
  });
  const rounds = new Rounds(deps, from);
  try {
    for (;;) {
      const { verdict, pauseMs } = await rounds.next(signal);
      inDoubt = verdict.doubt !== null;
      await wake.wait(pauseMs, signal);
    }
  } finally {
    unlisten();
  }
}

/** The comparisons of the heads, one after the other. */
class Rounds {
  readonly #deps: HeadWatchDeps;
  readonly #from: PeerRecord;
  readonly #claims: Claims;
  /** The doubt that was told of. */
  #told: string | null = null;
  /** Since when the followed peer names a head that is not on the chain that it has sent; `null` when it does not. */
  #brokenSinceMs: number | null = null;

  constructor(deps: HeadWatchDeps, from: PeerRecord) {
    this.#deps = deps;
    this.#from = from;
    this.#claims = new Claims(deps, from);
  }

  async next(signal: AbortSignal): Promise<{ readonly verdict: Verdict; readonly pauseMs: number }> {
    const { check, headCheckMs, staleAfterMs } = this.#deps;
    const verdict = await check.run(this.#from, signal);
    if (this.#deps.isOutvoted()) throw outvoted(this.#from);
    this.#checkWord(verdict);
    const isOpen = await this.#claims.take(verdict.ahead, signal);
    if (!isOpen) publishVerdict(this.#deps, verdict, this.#told);
    await check.tellBranches(signal);
    this.#told = verdict.isAsking ? null : (verdict.doubt?.code ?? null);
    const untilStaleMs = staleAfterMs === null ? Infinity : staleAfterMs - verdict.ageMs + 1;
    const isSoon = isOpen || verdict.doubt !== null;
    const pauseMs = isSoon ? Math.min(headCheckMs, DOUBT_MS) : headCheckMs;
    return { verdict, pauseMs: untilStaleMs > 0 ? Math.min(pauseMs, untilStaleMs) : pauseMs };
  }

  /** Both may be right for a moment: the chain goes over to another branch, and what replaces ours is on its way. */
  #checkWord({ own }: Verdict): void {
    const { now } = this.#deps;
    if (own === 'kept' || this.#deps.isHeld()) this.#brokenSinceMs = null;
    else if (own === 'broken') this.#brokenSinceMs ??= now();
    const sinceMs = own === 'broken' ? this.#brokenSinceMs : null;
    if (sinceMs !== null && now() - sinceMs >= OWN_GRACE_MS) throw broken(this.#from);
  }
}

function outvoted({ peer }: PeerRecord): SyncError {
  return new SyncError('FORKED', 'Most peers are on another, shorter branch.', { peer: peer.url });
}

function broken({ peer, status }: PeerRecord): SyncError {
  const { height = 0, hash = '' } = status?.head ?? {};
  const message = `${peer.url} names block ${height} ${hash} as its head, and has sent another block there.`;
  return new SyncError('HEAD_UNPROVED', message, { height, peer: peer.url });
}

/** What a peer claims and this node does not have yet. */
interface OpenClaim {
  readonly record: PeerRecord;
  readonly height: number;
  readonly sinceMs: number;
}

/** Keeps one claim open until it is met. */
class Claims {
  readonly #deps: HeadWatchDeps;
  readonly #from: PeerRecord;
  #open: OpenClaim | null = null;

  constructor(deps: HeadWatchDeps, from: PeerRecord) {
    this.#deps = deps;
    this.#from = from;
  }

  /**
   * @param ahead - a peer that claims more than there is here; `null` when none does.
   * @returns whether a claim is open.
   * @throws SyncError when it was not met in time.
   */
  async take(ahead: PeerRecord | null, signal: AbortSignal): Promise<boolean> {
    const height = this.#deps.chain.tip().head?.height ?? -1;
    if (ahead === null || this.#isMet(height)) this.#open = null;
    this.#open ??= this.#claim(ahead, height);
    if (this.#open === null) return false;
    if (this.#isOver(this.#open)) await this.#decide(this.#open, height, signal);
    return this.#isOpen;
  }

  get #isOpen(): boolean {
    return this.#open !== null;
  }

  #isOver({ record, sinceMs }: OpenClaim): boolean {
    return this.#deps.now() - sinceMs >= (record === this.#from ? OWN_GRACE_MS : GRACE_MS);
  }

  async #decide(claim: OpenClaim, height: number, signal: AbortSignal): Promise<void> {
    const { record } = claim;
    if (record === this.#from || (await this.#deps.check.proves(record, signal)))
      throw this.#unmet(record, claim.height, height);
    this.#open = null;
  }

  #isMet(height: number): boolean {
    return this.#open !== null && height >= this.#open.height;
  }

  #claim(ahead: PeerRecord | null, height: number): OpenClaim | null {
    const claimed = ahead?.status?.head?.height ?? -1;
    if (ahead === null || claimed <= height) return null;
    return { record: ahead, height: claimed, sinceMs: this.#deps.now() };
  }

  #unmet(record: PeerRecord, claimed: number, height: number): SyncError {
    const { url } = this.#from.peer;
    const message = `${record.peer.url} claims block ${claimed}; ${url} has sent no more than block ${height}.`;
    const code = record === this.#from ? 'HEAD_UNPROVED' : 'PEER_BEHIND';
    return new SyncError(code, message, { height: claimed, peer: record.peer.url });
  }
}

/** Tells what the peers and the clock say. @param before - the doubt there was before */
export function publishVerdict(
  { hub, chain, staleAfterMs }: Pick<HeadWatchDeps, 'hub' | 'chain' | 'staleAfterMs'>,
  { doubt, ageMs, isAsking, isWaiting }: Verdict,
  before: string | null,
): void {
  const { head } = chain.tip();
  if (staleAfterMs !== null) hub.stale({ stale: ageMs > staleAfterMs, ageMs, head });
  if (doubt === null) {
    hub.phase.synced();
    return;
  }
  if (doubt.code !== before && !isAsking) hub.warn(doubt.code, doubt.message);
  if (isWaiting) hub.phase.waiting();
  else hub.phase.syncing();
}
