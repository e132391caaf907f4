import type { PeerStatus } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { sleep } from '../internal/abort.js';
import { LinkedAbort } from '../internal/linked-abort.js';
import type { Chain } from '../chain/chain.js';
import type { Agreement } from './agreement/agreement.js';
import type { ChainOpener } from './chain-opener.js';
import { Conclusion, type Ended } from './conclusion.js';
import { Connection } from './connection.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EngineTally } from './engine-tally.js';
import type { EventHub } from './events/event-hub.js';
import { checkAgreedName, selfContradiction } from './handshake.js';
import { type ChosenMode, ModeChooser, noWay } from './modes.js';
import { reachAbove } from './peer-tiles.js';
import { OtherPeers } from './other-peers.js';
import { peerFailure } from './peers/failures.js';
import type { Greeting } from './peers/greeting.js';
import type { NextPeer, PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import type { ProgressMeter } from './events/progress.js';
import { type Failure, Recovery } from './recovery.js';
import { isDone } from './session/claims.js';
import { TieLimit } from './session/tie-limit.js';

/** What one run of an engine works with. */
export interface RunDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  readonly meter: ProgressMeter;
  readonly book: PeerBook;
  readonly tally: EngineTally;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** What the first peer has been asked already; `null` when none was. */
  readonly greeting: Greeting | null;
  /** Opens the chain, unless an earlier run has. */
  readonly opener: ChainOpener;
}

/** One way from the durable head to the peers' head, over as many connections as it takes. */
export class SyncRun {
  readonly #deps: RunDeps;
  readonly #book: PeerBook;
  readonly #chooser: ModeChooser;
  readonly #opener: ChainOpener;
  readonly #recovery: Recovery;
  readonly #others: OtherPeers;
  readonly #conclusion: Conclusion;
  readonly #ties = new TieLimit();
  #onFailure: (error: SyncError) => void = () => undefined;

  constructor(deps: RunDeps) {
    const { parts, settings } = deps;
    this.#deps = deps;
    this.#book = deps.book;
    this.#opener = deps.opener;
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
    const [chooser, recovery, others] = [this.#chooser, this.#recovery, this.#others];
    this.#conclusion = new Conclusion({ ...deps, chooser, recovery, others });
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
    // One that has just taken the store over may still read what the blocks of others have left.
    if (this.#opener.isKnown) await (await this.#opener.open(null)).settled();
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
      const isOver = await this.#conclusion.isOver(ended, this.#opener.chain, signal);
      return isOver ? FINISHED : { ...ended, kind: 'go-on' };
    } catch (error) {
      return { ...ended, kind: 'failed', error: peerFailure(error, signal) };
    }
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
    const first = this.#choose(record, status);
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
    const reason = isFree ? await this.#whyHistory(record, signal) : null;
    if (reason === null) return this.#afterSnapshot(record, chosen, signal);
    this.#chooser.endSnapshot();
    const blocks = this.#choose(record, record.status);
    return blocks?.mode === 'tiles' ? { mode: 'tiles', reason } : blocks;
  }

  async #whyHistory(record: PeerRecord, signal: AbortSignal): Promise<string | null> {
    const { weighHistory } = await import('./snapshot/weigh-history.js');
    return weighHistory(this.#deps, record, signal);
  }

  /** @returns how to go on once there is a snapshot, or no hope for one. */
  async #afterSnapshot(
    record: PeerRecord,
    chosen: ChosenMode,
    signal: AbortSignal,
  ): Promise<ChosenMode | null> {
    const { peer, status } = record;
    this.#deps.hub.mode({ ...chosen, peer: peer.url });
    // Most runs take none, and a browser never does.
    const { takeSnapshot } = await import('./snapshot/take-snapshot.js');
    await takeSnapshot(this.#deps, record, signal);
    this.#chooser.endSnapshot();
    return this.#choose(record, status);
  }

  #choose({ peer, line }: PeerRecord, status: PeerStatus | null): ChosenMode | null {
    const { parts, settings } = this.#deps;
    const { head } = parts.storage.checkpoint();
    return this.#chooser.choose(peer, { height: head?.height ?? null, to: settings.to, status, line });
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
    if (mode === 'tiles' && reachAbove(head, status, settings) === null) return 'nothing-new';
    const check = this.#others.headCheck(chain, agreement);
    const { news, confirmer } = agreement;
    const onSuccess = (): void => {
      this.#chooser.succeeded();
    };
    const onStream = (): void => {
      this.#chooser.forgive(peer);
    };
    const onOther = (other: PeerRecord, error: SyncError): void => {
      // Which of two branches is the false one may turn out later.
      this.#recovery.judge(other, error, error.code === 'FORKED');
    };
    const book = this.#book;
    const { tally } = this.#deps;
    const follows = settings.follow && transport.supports.follow && this.#chooser.follows(mode, record);
    return new Connection(
      {
        ...{
          tally,
          hub,
          parts,
          settings,
          meter,
          now,
          book,
          chain,
          check,
          transport,
          follows,
          reason,
          onSuccess,
          onStream,
          onOther,
        },
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

function nothingNew(record: PeerRecord): Ended {
  return { kind: 'ended', record, way: 'tiles', hasWorked: false, fork: null };
}

const FINISHED: Outcome = { kind: 'finished' };

function target(status: PeerStatus | null, to: number | null): number | null {
  const head = status?.head?.height ?? null;
  if (to === null) return head;
  return head === null ? to : Math.min(head, to);
}
