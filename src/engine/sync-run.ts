import type { Peer, PeerStatus } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { sleep } from '../internal/abort.js';
import { LinkedAbort } from '../internal/linked-abort.js';
import type { Chain } from '../chain/chain.js';
import type { Agreement } from './agreement/agreement.js';
import { ChainOpener } from './chain-opener.js';
import { Connection, type ConnectionOutcome } from './connection.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './events/event-hub.js';
import { checkAgreedName, selfContradiction } from './handshake.js';
import { type ChosenMode, ModeChooser, noWay } from './modes.js';
import { isStatic, tilesReach } from './peer-tiles.js';
import { OtherPeers } from './other-peers.js';
import { peerFailure } from './peers/failures.js';
import type { Greeting } from './peers/greeting.js';
import { publishVerdict } from './peers/head-watch.js';
import type { NextPeer, PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { claimOf, unmetClaim } from './peers/survey.js';
import type { ProgressMeter } from './events/progress.js';
import { type Failure, Recovery } from './recovery.js';
import { isDone } from './session/claims.js';
import { TieLimit } from './session/tie-limit.js';
import { takeSnapshot } from './snapshot/take-snapshot.js';
import { weighHistory } from './snapshot/weigh-history.js';

/** What one run of an engine works with. */
export interface RunDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  readonly meter: ProgressMeter;
  readonly book: PeerBook;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** What the first peer has been asked already; `null` when none was. */
  readonly greeting: Greeting | null;
  /** Runs once, when the chain's rules are known and the chain is open. */
  onChain(chain: Chain): void;
}

/** One way from the durable head to the peers' head, over as many connections as it takes. */
export class SyncRun {
  readonly #deps: RunDeps;
  readonly #book: PeerBook;
  readonly #chooser: ModeChooser;
  readonly #opener: ChainOpener;
  readonly #recovery: Recovery;
  readonly #others: OtherPeers;
  readonly #ties = new TieLimit();
  #onFailure: (error: SyncError) => void = () => undefined;

  constructor(deps: RunDeps) {
    const { parts, settings } = deps;
    this.#deps = deps;
    this.#book = deps.book;
    this.#opener = new ChainOpener(deps);
    this.#chooser = new ModeChooser({
      mode: settings.mode,
      base: settings.base,
      transports: parts.transports.map(({ mode }) => mode),
      snapshots: parts.snapshots !== null,
      minSnapshotBlocks: settings.minSnapshotBlocks,
    });
    this.#recovery = new Recovery({ ...deps, chooser: this.#chooser });
    this.#others = new OtherPeers({
      ...deps,
      check: (status) => {
        this.#opener.check(status);
      },
      onPeerFailure: (record, error) => {
        this.#recovery.judge(record, error);
      },
      onFailure: (error) => {
        this.#onFailure(error);
      },
    });
  }

  /**
   * Resolves when a peer has completed the sync; when following, never.
   *
   * @throws SyncError of the last failure, when no peer is left or too many attempts in a row brought nothing.
   */
  async run(signal: AbortSignal): Promise<void> {
    const abort = new LinkedAbort(signal);
    try {
      await this.#sync(abort);
    } finally {
      abort.abort(new SyncError('ABORTED', 'The run is over.'));
      abort.release();
      await this.#others.ended();
    }
  }

  async #sync(abort: LinkedAbort): Promise<void> {
    const { signal } = abort;
    this.#onFailure = (error) => {
      abort.abort(error);
    };
    await this.#opener.checkStore();
    if (this.#opener.isKnown) await this.#opener.open(null);
    for (let next = this.#book.next(); ; next = this.#book.next()) {
      if (next === null) throw new TypeError('A run needs at least one peer.');
      await this.#wait(next, signal);
      const sinceMs = this.#deps.now();
      const outcome = await this.#connect(next.record, signal);
      if (outcome.kind === 'finished') return;
      const { head } = this.#deps.parts.storage.checkpoint();
      this.#book.connected(outcome.record, sinceMs, head?.height ?? -1);
      if (outcome.kind === 'failed') await this.#recover(outcome);
    }
  }

  async #recover(failure: Failure): Promise<void> {
    const { settings, parts } = this.#deps;
    const { status } = this.#book.find(failure.error.context.peer) ?? failure.record;
    const error = selfContradiction(failure.error, status, this.#opener.chainId);
    this.#recovery.after({ ...failure, error });
    if (failure.error.code === 'PEER_OUTVOTED')
      await this.#others.agreement?.makeRoom(isDone(parts.storage.checkpoint().head, settings.to));
  }

  async #wait({ waitMs }: NextPeer, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0) return;
    this.#deps.hub.phase.waiting();
    await sleep(waitMs, signal);
  }

  /** Asks a peer for what it has, by the way that suits it. */
  async #connect(record: PeerRecord, signal: AbortSignal): Promise<Outcome> {
    let prepared: Prepared;
    try {
      prepared = await this.#prepare(record, signal);
      if (prepared === 'done') await this.#others.agreement?.confirmer?.settled(record, signal);
    } catch (error) {
      const before = { record, way: null, hasWorked: false, fork: null };
      return { kind: 'failed', ...before, error: peerFailure(error, signal) };
    }
    if (prepared === 'done') return FINISHED;
    const outcome = prepared === 'nothing-new' ? nothingNew(record) : await prepared.run(signal);
    return outcome.kind === 'ended' ? this.#conclude(outcome, signal) : outcome;
  }

  /** What to make of a connection whose peer has sent all it had. */
  async #conclude(ended: Ended, signal: AbortSignal): Promise<Outcome> {
    try {
      return (await this.#isFinished(ended, signal)) ? FINISHED : { ...ended, kind: 'go-on' };
    } catch (error) {
      return { ...ended, kind: 'failed', error: peerFailure(error, signal) };
    }
  }

  /** Whether the sync is over; when following it never is. */
  async #isFinished(ended: Ended, signal: AbortSignal): Promise<boolean> {
    const { record, way } = ended;
    const { settings } = this.#deps;
    const chain = this.#opener.chain;
    if (isDone(chain.tip().head, settings.to)) {
      await this.#others.agreement?.confirmer?.settled(record, signal);
      return true;
    }
    if (way === 'tiles' && !isStatic(record.status)) {
      this.#goOnBehindTiles(record);
      return false;
    }
    return this.#isAtHead(ended, signal);
  }

  /** Whether a peer that has sent all it had has brought the node where it is to be. */
  async #isAtHead({ record, hasWorked }: Ended, signal: AbortSignal): Promise<boolean> {
    const { settings } = this.#deps;
    const chain = this.#opener.chain;
    const unmet = unmetClaim(record, chain.tip().head);
    if (unmet !== null) throw unmet;
    this.#book.met(record);
    const isCaughtUp = await this.#isCaughtUp(record, signal);
    if (hasWorked || !settings.follow) this.#recovery.worked(record);
    if (settings.follow) await this.#handOver(record, signal);
    return isCaughtUp && !settings.follow;
  }

  /** The peer is asked for what is behind its tiles. @throws SyncError when those were less than it said */
  #goOnBehindTiles(record: PeerRecord): void {
    const { peer, status } = record;
    const reach = this.#reach(status);
    if (reach !== null) {
      const height = this.#opener.chain.tip().head?.height ?? -1;
      const message = `${peer.url} has sent its tiles up to block ${height}, and says that it has them up to ${reach}.`;
      throw new SyncError('STREAM_TRUNCATED', message, { height, peer: peer.url });
    }
    this.#recovery.worked(record);
    this.#book.prefer(record);
  }

  /** The newest height that a peer's tiles bring; `null` where they bring nothing, or too little. */
  #reach(status: PeerStatus | null): number | null {
    const { base, to } = this.#deps.settings;
    const { head } = this.#opener.chain.tip();
    return tilesReach(status, head === null ? base : head.height + 1, to);
  }

  /** Ranges, or tiles, have brought all there was; the stream brings what is new. */
  async #handOver(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { peer } = record;
    const canStream = this.#chooser.canStream(peer, record.status);
    this.#chooser.succeeded();
    if (canStream) return;
    if (isStatic(record.status)) {
      await this.#awaitMore(record, signal);
      return;
    }
    const error = new SyncError('PEER_REFUSED', `${peer.url} has no stream that could be followed.`);
    // One that says it has a stream may only not have it now.
    if (record.status?.codecs.stream.length === 0) this.#book.drop(record, error);
    throw error;
  }

  /**
   * Files tell of nothing: their status is read again and again. Resolves when there is more in them, or another peer brings
   * what is new.
   */
  async #awaitMore(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { settings, parts } = this.#deps;
    for (;;) {
      const streaming = this.#streaming;
      this.#book.prefer(streaming ?? record);
      if (streaming !== null) return;
      await sleep(settings.headCheckMs, signal);
      const claim = claimOf(await this.#others.ask(record, signal), parts.storage.checkpoint().head);
      if (claim !== 'same' && claim !== 'behind') return;
      if (!(await this.#isCaughtUp(record, signal))) return;
    }
  }

  /** A peer that may be asked now and has a stream; `null` when there is none. */
  get #streaming(): PeerRecord | null {
    const has = ({ peer, status }: PeerRecord): boolean =>
      status !== null && this.#chooser.canStream(peer, status);
    return this.#book.ready.find(has) ?? null;
  }

  /** Whether the other peers and the clock have nothing against it. A peer that claims more is asked next. */
  async #isCaughtUp(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const { hub, settings } = this.#deps;
    const chain = this.#opener.chain;
    const agreement = await this.#others.agreed(chain, signal);
    if (!settings.follow) await agreement.confirmer?.settled(record, signal);
    const check = this.#others.headCheck(chain, agreement);
    const verdict = await check.run(record, signal);
    await check.tellBranches(signal);
    const { ahead, doubt } = verdict;
    if (ahead !== null) {
      this.#book.prefer(ahead);
      return false;
    }
    if (settings.follow) publishVerdict({ hub, chain, staleAfterMs: settings.staleAfterMs }, verdict, null);
    else if (doubt !== null) throw doubt;
    return doubt === null;
  }

  /** Asks what the peer has, and makes ready to fetch it. */
  async #prepare(record: PeerRecord, signal: AbortSignal): Promise<Prepared> {
    const { hub, settings, parts } = this.#deps;
    const { peer } = record;
    hub.phase.connecting(peer.url);
    hub.emit({ type: 'peer', peer: peer.url, status: 'connecting', error: null });
    const [status] = await Promise.all([
      this.#deps.greeting?.take(record) ?? this.#others.ask(record, signal),
      this.#others.askUnknown(record, signal),
    ]);
    const first = this.#choose(peer, status);
    if (status !== null) this.#opener.check(status);
    this.#checkName(status);
    const chosen = first?.mode === 'snapshot' ? await this.#asSnapshot(record, first, signal) : first;
    const chain = await this.#opener.open(status);
    if (status !== null) this.#opener.adopt(status);
    if (chosen === null) throw noWay(peer, settings.mode, parts.transports, status);
    return this.#connection(record, chain, {
      ...chosen,
      agreement: await this.#others.agreed(chain, signal),
    });
  }

  /** An empty store whose chain has no configured name takes it from a peer. @throws SyncError `HEADS_DISAGREE` */
  #checkName(status: PeerStatus | null): void {
    const { settings, parts } = this.#deps;
    const { agree, chainId } = settings;
    if (agree <= 1 || chainId !== null || parts.storage.identity() !== null) return;
    checkAgreedName(
      status,
      this.#book.usable.map((record) => record.status),
      agree,
    );
  }

  /** Takes the snapshot, unless the whole history is not much more than that. @returns how to go on */
  async #asSnapshot(record: PeerRecord, chosen: ChosenMode, signal: AbortSignal): Promise<ChosenMode | null> {
    const isFree = this.#deps.settings.mode === 'auto';
    const reason = isFree ? await weighHistory(this.#deps, record, signal) : null;
    if (reason === null) return this.#afterSnapshot(record, chosen, signal);
    this.#chooser.endSnapshot();
    const blocks = this.#choose(record.peer, record.status);
    return blocks?.mode === 'tiles' ? { mode: 'tiles', reason } : blocks;
  }

  /** @returns how to go on once there is a snapshot, or no hope for one. */
  async #afterSnapshot(
    record: PeerRecord,
    chosen: ChosenMode,
    signal: AbortSignal,
  ): Promise<ChosenMode | null> {
    const { peer, status } = record;
    this.#deps.hub.mode({ ...chosen, peer: peer.url });
    await takeSnapshot(this.#deps, record, signal);
    this.#chooser.endSnapshot();
    return this.#choose(peer, status);
  }

  #choose(peer: Peer, status: PeerStatus | null): ChosenMode | null {
    const { parts, settings } = this.#deps;
    const { head } = parts.storage.checkpoint();
    return this.#chooser.choose(peer, { height: head?.height ?? null, to: settings.to, status });
  }

  #connection(
    record: PeerRecord,
    chain: Chain,
    { mode, reason, agreement }: ChosenMode & { readonly agreement: Agreement },
  ): Prepared {
    const { hub, parts, settings, meter, now } = this.#deps;
    const { peer, status } = record;
    const transport = parts.transports.find((each) => each.mode === mode);
    if (transport === undefined) throw noWay(peer, settings.mode, parts.transports, status);
    const { head } = chain.tip();
    meter.place(head?.height ?? null, target(status, settings.to));
    if (isDone(head, settings.to)) return 'done';
    if (mode === 'tiles' && this.#reach(status) === null) return 'nothing-new';
    const check = this.#others.headCheck(chain, agreement);
    const { news, confirmer } = agreement;
    const onSuccess = (): void => {
      this.#chooser.succeeded();
    };
    const onOther = (other: PeerRecord, error: SyncError): void => {
      // Which of two branches is the false one may turn out later.
      this.#recovery.judge(other, error, error.code === 'FORKED');
    };
    const book = this.#book;
    return new Connection(
      {
        ...{ hub, parts, settings, meter, now, book, chain, check, transport, reason, onSuccess, onOther },
        ...{ ties: this.#ties, news, confirmer },
      },
      record,
    );
  }
}

/** A connection that is ready to run; or all that is wanted is there, or all that the peer has. */
type Prepared = Connection | 'done' | 'nothing-new';

/** What asking a peer came to. */
type Outcome =
  /** The sync is over. */
  | { readonly kind: 'finished' }
  /** The peer has sent all it had, and there is more to come, of it or of another one. */
  | { readonly kind: 'go-on'; readonly record: PeerRecord }
  | (Failure & { readonly kind: 'failed' });

type Ended = Extract<ConnectionOutcome, { kind: 'ended' }>;

function nothingNew(record: PeerRecord): Ended {
  return { kind: 'ended', record, way: 'tiles', hasWorked: false, fork: null };
}

const FINISHED: Outcome = { kind: 'finished' };

function target(status: PeerStatus | null, to: number | null): number | null {
  const head = status?.head?.height ?? null;
  if (to === null) return head;
  return head === null ? to : Math.min(head, to);
}
