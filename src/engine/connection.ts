import type { BlockRef, Transport, WireItem } from '../contracts/index.js';
import { isSyncError, type SyncError } from '../errors/index.js';
import { abortError, onAbort, sleep, throwIfAborted } from '../internal/abort.js';
import type { Confirmer } from './agreement/confirmer.js';
import { AskedPeer, type AskedPeerDeps } from './asked-peer.js';
import type { HeadCheck } from './peers/head-check.js';
import { watchHeads } from './peers/head-watch.js';
import type { PeerRecord } from './peers/peer-record.js';
import { streamsAgain, until } from './peers/stream-trial.js';
import { unmetClaim } from './peers/survey.js';
import { type PublishDeps, publishFact } from './events/publish.js';
import { peerFailure } from './peers/failures.js';
import type { BranchRules } from './session/branch.js';
import type { PassingFork, SessionFact } from './session/fact.js';
import { runSession, type SessionDeps } from './session/session.js';
import type { TieLimit } from './session/tie-limit.js';

/** A live connection that lasted so long was a good one. */
const GOOD_LIVE_MS = 5_000;
/** A head that a followed peer claims comes within this time. */
const CLAIM_MS = 5_000;
/** A stream that brought nothing and ended is asked for again without a word only if it lasted so long, or the longest delay. */
const REOPEN_AFTER_MS = 30_000;

/** What a connection works with. */
export interface ConnectionDeps extends PublishDeps, Omit<AskedPeerDeps, 'onAnotherPeer'> {
  readonly ties: TieLimit;
  /** Why this way is taken. */
  readonly reason: string;
  readonly check: HeadCheck;
  /** Has blocks confirmed by other peers; `null` where what was verified is confirmed. */
  readonly confirmer: Confirmer | null;
  /** The blocks that came are a reason to go on this way. */
  onSuccess(): void;
  /** A stream of the peer sends something, where that was not to be had before. */
  onStream(): void;
}

/** What is known of a connection that is over. */
interface Connected {
  /** The peer that has answered, which may be another one than was asked. */
  readonly record: PeerRecord;
  readonly way: Transport['mode'];
  /** Whether it was worth something: it has changed the chain, or was live for a while. */
  readonly hasWorked: boolean;
  /** The fork that may pass; `null` when there was none. */
  readonly fork: PassingFork | null;
}

/** What a connection came to: the peer sent all it had, or it failed. */
export type ConnectionOutcome =
  | (Connected & { readonly kind: 'ended' })
  | (Connected & { readonly kind: 'failed'; readonly error: SyncError });

/** One connection that brings blocks: to one peer, with the help of others. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #asked: AskedPeer;
  #progressed = false;
  #liveSinceMs: number | null = null;
  /** When the stream that is followed got to the peer's head. */
  #completeAtMs = -Infinity;
  /** Whether it has brought something since. */
  #isFruitful = false;
  /** Whether the head was here that the peer claimed at first: its chain may be shorter later. */
  #wasMet = false;
  #fork: PassingFork | null = null;
  /** Newest block of the peer's branch while ours is kept; `null` when the peer is on ours. */
  #held: BlockRef | null = null;
  #watch: Promise<void> | null = null;
  /** Tries streams, while ranges bring what is new as those are held back; `null` when nothing is to be tried. */
  #trial: Promise<void> | null = null;
  /** Fires when one gets through, and is to go on. */
  readonly #over = new AbortController();
  /** While the peer, which is followed, may still send the head that it claims. */
  #claim: Promise<void> | null = null;
  /** Tells who is followed now. */
  #refollow: (() => void) | null = null;

  constructor(deps: ConnectionDeps, record: PeerRecord) {
    this.#deps = deps;
    const onAnotherPeer = (url: string): void => {
      this.#refollow?.();
      deps.hub.phase.answeredBy(url);
    };
    this.#asked = new AskedPeer({ ...deps, onAnotherPeer }, record);
  }

  get #record(): PeerRecord {
    return this.#asked.record;
  }

  /** Brings blocks until the peer has sent all it had, or fails. @throws what another peer does not help against */
  async run(signal: AbortSignal): Promise<ConnectionOutcome> {
    try {
      this.#begin();
      await this.#fetch(signal);
      return { kind: 'ended', ...this.#connected() };
    } catch (error) {
      return { kind: 'failed', ...this.#connected(), error: peerFailure(error, signal) };
    }
  }

  #connected(): Connected {
    const since = this.#liveSinceMs;
    const wasLive = since !== null && this.#deps.now() - since >= GOOD_LIVE_MS;
    return {
      record: this.#record,
      way: this.#deps.transport.mode,
      hasWorked: this.#progressed || wasLive,
      fork: this.#fork,
    };
  }

  #begin(): void {
    const { hub, transport, reason } = this.#deps;
    const { url } = this.#record.peer;
    hub.emit({ type: 'peer', peer: url, status: 'connected', error: null });
    hub.mode({ mode: transport.mode, reason, peer: url });
    hub.phase.syncing();
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const controller = new AbortController();
    throwIfAborted(signal);
    const stopListening = onAbort(signal, () => {
      controller.abort(abortError(signal));
    });
    this.#follow(controller);
    try {
      await runSession(this.#session(controller), controller.signal);
      this.#record.hasWorked = true;
    } catch (error) {
      throw this.#unmetBefore(error);
    } finally {
      this.#deps.confirmer?.follow(null);
      stopListening();
      controller.abort();
      await this.#watch;
      await this.#trial;
      this.#asked.rate.live();
    }
  }

  /** A peer that ends its stream while the head that it claims is awaited has not sent that. */
  #unmetBefore(error: unknown): unknown {
    const isAwaited = this.#claim !== null && !this.#wasMet;
    if (!isAwaited || !isSyncError(error, 'STREAM_TRUNCATED')) return error;
    return unmetClaim(this.#record, this.#deps.chain.tip().head) ?? error;
  }

  /** What stays unconfirmed is a reason to leave the peer. */
  #follow(controller: AbortController): void {
    const leave = (error: SyncError): void => {
      controller.abort(error);
    };
    this.#refollow = () => this.#deps.confirmer?.follow({ record: this.#record, leave });
    this.#refollow();
  }

  #session(controller: AbortController): SessionDeps {
    const { settings, chain, hub, confirmer, tally, follows, transport } = this.#deps;
    const { peer, status } = this.#record;
    const open = this.#asked.opener();
    const over = this.#over.signal;
    const canEnd = follows && transport.mode === 'json';
    return {
      chain,
      tally,
      peer,
      status,
      branches: this.#branches(),
      trustsRollbacks: peer.rollbacks === 'trusted',
      rollbackLimit: this.#record.rollbackLimit,
      reopens: () => this.#reopens(),
      isOver: () => over.aborted,
      to: settings.to,
      follow: follows,
      batch: settings.limits,
      open: canEnd ? (range, signal) => until(over, (inner) => open(range, inner), signal) : open,
      ready: async (blocks, signal) => {
        await hub.ready(signal);
        await confirmer?.room(blocks, signal);
      },
      onFact: (fact) => {
        this.#take(fact, controller);
      },
      onFailure: (error) => {
        controller.abort(error);
      },
    };
  }

  /** As in the book of peers: so that no peer can make this node connect without end. */
  #reopens(): boolean {
    const { now, settings } = this.#deps;
    const atLeastMs = Math.min(REOPEN_AFTER_MS, settings.retry.maxDelayMs);
    return this.#isFruitful || now() - this.#completeAtMs >= atLeastMs;
  }

  /** What a branch of the peer needs to take the place of ours. */
  #branches(): BranchRules {
    const { settings, book, ties, confirmer } = this.#deps;
    return {
      maxRollbackBlocks: settings.maxRollbackBlocks,
      maxBranchBytes: settings.limits.maxBranchBytes,
      acceptRollback: settings.acceptRollback,
      // With several peers a tie is for those to decide that have the longer branch next.
      takesTie: (head) => book.usable.length === 1 && ties.allows(head),
      tookTie: (left) => {
        ties.taken(left);
      },
      agree: settings.agree,
      isPreferred: async ({ head, has, isLonger }, signal) => {
        if (confirmer === null) return isOnMost(head, book.usable);
        if (has === null) return confirmer.prefersPeer(this.#record);
        return confirmer.prefers(has, isLonger, signal);
      },
    };
  }

  /** Notes what the session tells, and tells the subscribers. */
  #take(fact: SessionFact, controller: AbortController): void {
    switch (fact.kind) {
      case 'fork':
        this.#fork = fact.fork;
        break;
      case 'held':
        this.#hold(fact.theirs, controller);
        break;
      case 'live':
        this.#held = null;
        this.#goLive();
        break;
      case 'durable':
      case 'dropped':
        this.#held = null;
        this.#succeeded();
        break;
      case 'repeat':
        break;
    }
    publishFact(this.#deps, fact, { origin: this.#deps.transport.mode, peer: this.#record.peer.url });
    if (fact.kind === 'live' || this.#isAwaited(fact)) this.#watchHeads(controller);
    if (fact.kind === 'live') this.#tryStreams(controller);
  }

  /** While ranges bring what is new, streams are tried from time to time; one that is followed gets through. */
  #tryStreams({ signal }: AbortController): void {
    const record = this.#record;
    const { transport, parts, settings, hub, now } = this.#deps;
    if (transport.mode === 'stream' && record.line.at !== 'clear') record.line = record.line.passed();
    const stream = parts.transports.find(({ mode }) => mode === 'stream');
    const isWanted = settings.mode !== 'json' && record.status?.codecs.stream.length !== 0;
    if (transport.mode !== 'json' || stream === undefined || !isWanted) return;
    const open = (inner: AbortSignal): AsyncIterable<readonly WireItem[]> => this.#asked.probe(stream, inner);
    this.#trial ??= streamsAgain({ settings, hub, now, open }, record, signal).then(
      () => {
        this.#deps.onStream();
        this.#over.abort();
      },
      () => undefined,
    );
  }

  /** Whether the head that the peer claims may have come with this. */
  #isAwaited({ kind }: Pick<SessionFact, 'kind'>): boolean {
    return kind === 'durable' && this.#claim !== null && !this.#wasMet;
  }

  /** The other peers say whether ours is kept: this one is behind, or all are on its branch. */
  #hold(theirs: BlockRef, controller: AbortController): void {
    this.#held = theirs;
    this.#liveSinceMs ??= this.#deps.now();
    this.#asked.rate.live();
    if (this.#deps.check.isNeeded) this.#watchHeads(controller);
  }

  #succeeded(): void {
    this.#progressed = true;
    this.#isFruitful = true;
    this.#record.hasWorked = true;
    this.#deps.onSuccess();
  }

  #goLive(): void {
    this.#completeAtMs = this.#deps.now();
    this.#isFruitful = false;
    this.#liveSinceMs ??= this.#completeAtMs;
    this.#record.hasWorked = true;
    this.#asked.rate.live();
    this.#deps.onSuccess();
  }

  /** Of servers behind one address, the one that sends may have less than the one that was asked, for a moment. */
  #awaitClaim(controller: AbortController): void {
    const unmet = this.#wasMet ? null : unmetClaim(this.#record, this.#deps.chain.tip().head);
    if (unmet === null) {
      this.#wasMet = true;
      this.#deps.hub.phase.synced();
      return;
    }
    this.#claim ??= sleep(CLAIM_MS, controller.signal).then(
      () => {
        if (!this.#wasMet) controller.abort(unmet);
      },
      () => undefined,
    );
  }

  /** Whether the node counts as synced, the other peers and the clock may have to say. */
  #watchHeads(controller: AbortController): void {
    const { hub, check, chain, settings, now } = this.#deps;
    if (!check.isNeeded) {
      this.#awaitClaim(controller);
      return;
    }
    const { headCheckMs, staleAfterMs } = settings;
    const isHeld = (): boolean => this.#held !== null;
    const isOutvoted = (): boolean => this.#held !== null && isOnMost(this.#held, this.#deps.book.usable);
    const deps = { check, chain, hub, headCheckMs, staleAfterMs, now, isOutvoted, isHeld };
    this.#watch ??= watchHeads(deps, this.#record, controller.signal).catch((error: unknown) => {
      controller.abort(error);
    });
  }
}

/** Whether more than half of several peers, two at least, name a block as their head. */
function isOnMost({ hash }: BlockRef, peers: readonly PeerRecord[]): boolean {
  const count = peers.filter(({ status }) => status?.head?.hash === hash).length;
  return count >= 2 && 2 * count > peers.length;
}
