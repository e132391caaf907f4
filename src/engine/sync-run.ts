import type { BlockHeader, Peer, PeerStatus, Transport } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { sleep } from '../internal/abort.js';
import { LinkedAbort } from '../internal/linked-abort.js';
import type { Chain } from '../chain/chain.js';
import { Agreement } from './agreement/agreement.js';
import { ChainOpener } from './chain-opener.js';
import { Connection, type ConnectionOutcome } from './connection.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './events/event-hub.js';
import { selfContradiction } from './handshake.js';
import { type ChosenMode, ModeChooser } from './modes.js';
import { peerFailure } from './peers/failures.js';
import { Freshness } from './peers/freshness.js';
import type { Greeting } from './peers/greeting.js';
import { HeadCheck } from './peers/head-check.js';
import { publishVerdict } from './peers/head-watch.js';
import type { NextPeer, PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { askStatus, survey, type SurveyDeps, unmetClaim } from './peers/survey.js';
import type { ProgressMeter } from './events/progress.js';
import { type Failure, Recovery } from './recovery.js';
import { isDone } from './session/claims.js';
import { TieLimit } from './session/tie-limit.js';
import { takeSnapshot } from './snapshot/take-snapshot.js';

/** At the start of a connection the others are waited for at most this long. */
const SURVEY_MS = 1_000;

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
  readonly #freshness: Freshness;
  readonly #opener: ChainOpener;
  readonly #recovery: Recovery;
  readonly #ties = new TieLimit();
  /** Begins with the first connection. */
  #agreement: Agreement | null = null;
  #onFailure: (error: SyncError) => void = () => undefined;

  constructor(deps: RunDeps) {
    const { parts, settings } = deps;
    this.#deps = deps;
    this.#book = deps.book;
    this.#freshness = new Freshness(deps.now, (header) => {
      if (settings.staleAfterMs !== null) deps.hub.warn('HEAD_AGE_UNKNOWN', withoutAge(header));
    });
    this.#opener = new ChainOpener(deps);
    this.#chooser = new ModeChooser({
      mode: settings.mode,
      transports: parts.transports.map(({ mode }) => mode),
      snapshots: parts.snapshots !== null,
      minSnapshotBlocks: settings.minSnapshotBlocks,
    });
    this.#recovery = new Recovery({ ...deps, chooser: this.#chooser });
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
      await this.#agreement?.ended();
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
      await this.#agreement?.makeRoom(isDone(parts.storage.checkpoint().head, settings.to));
  }

  async #wait({ waitMs }: NextPeer, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0) return;
    this.#deps.hub.phase.waiting();
    await sleep(waitMs, signal);
  }

  /** Asks a peer for what it has, by the way that suits it. */
  async #connect(record: PeerRecord, signal: AbortSignal): Promise<Outcome> {
    let connection: Connection | null;
    try {
      connection = await this.#prepare(record, signal);
      if (connection === null) await this.#agreement?.confirmer?.settled(record, signal);
    } catch (error) {
      const before = { record, way: null, hasWorked: false, fork: null };
      return { kind: 'failed', ...before, error: peerFailure(error, signal) };
    }
    if (connection === null) return FINISHED;
    const outcome = await connection.run(signal);
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
  async #isFinished({ record, hasWorked }: Ended, signal: AbortSignal): Promise<boolean> {
    const { settings } = this.#deps;
    const chain = this.#opener.chain;
    if (isDone(chain.tip().head, settings.to)) {
      await this.#agreement?.confirmer?.settled(record, signal);
      return true;
    }
    const unmet = unmetClaim(record, chain.tip().head);
    if (unmet !== null) throw unmet;
    this.#book.met(record);
    const isCaughtUp = await this.#isCaughtUp(record, signal);
    if (hasWorked || !settings.follow) this.#recovery.worked(record);
    if (settings.follow) this.#handOver(record);
    return isCaughtUp && !settings.follow;
  }

  /** Ranges have brought all there was; the stream brings what is new. */
  #handOver(record: PeerRecord): void {
    const { peer } = record;
    const canStream = this.#chooser.canStream(peer, record.status);
    this.#chooser.succeeded();
    if (canStream) return;
    const error = new SyncError('PEER_REFUSED', `${peer.url} has no stream that could be followed.`);
    // One that says it has a stream may only not have it now.
    if (record.status?.codecs.stream.length === 0) this.#book.drop(record, error);
    throw error;
  }

  /** Whether the other peers and the clock have nothing against it. A peer that claims more is asked next. */
  async #isCaughtUp(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const { hub, settings } = this.#deps;
    const chain = this.#opener.chain;
    const agreement = await this.#agreed(chain, signal);
    if (!settings.follow) await agreement.confirmer?.settled(record, signal);
    const check = this.#check(chain, agreement);
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

  /** @returns a connection that is ready to run; `null` when all that is wanted is there. */
  async #prepare(record: PeerRecord, signal: AbortSignal): Promise<Connection | null> {
    const { hub } = this.#deps;
    const { peer } = record;
    hub.phase.connecting(peer.url);
    hub.emit({ type: 'peer', peer: peer.url, status: 'connecting', error: null });
    const [status] = await Promise.all([
      this.#deps.greeting?.take(record) ?? askStatus(this.#surveyDeps(), record, signal),
      survey(this.#surveyDeps(), this.#unknown(record), SURVEY_MS, signal),
    ]);
    const first = this.#choose(peer, status);
    if (status !== null) this.#opener.check(status);
    this.#checkName(status);
    const chosen = first?.mode === 'snapshot' ? await this.#afterSnapshot(record, first, signal) : first;
    const chain = await this.#opener.open(status);
    if (status !== null) this.#opener.adopt(status);
    if (chosen === null) throw this.#noWay(peer);
    return this.#connection(record, chain, { ...chosen, agreement: await this.#agreed(chain, signal) });
  }

  /**
   * An empty store takes the chain's name from a peer, and is bound to it from then on: so as many have to name it as have
   * to agree.
   */
  #checkName(status: PeerStatus | null): void {
    const { settings, parts } = this.#deps;
    const { agree, chainId } = settings;
    if (agree <= 1 || chainId !== null || parts.storage.identity() !== null) return;
    const name = status?.chainId ?? null;
    const names = this.#book.usable.flatMap(({ status: said }) => (said === null ? [] : [said.chainId]));
    const count = names.filter((each) => each === name).length;
    // Those who can't be asked don't contradict.
    if (count >= agree || count === names.length) return;
    const message = `${count} of the ${agree} peers that have to agree name the chain ${name ?? 'without an id'}.`;
    throw new SyncError('HEADS_DISAGREE', message);
  }

  /** Peers that have said nothing of themselves yet. */
  #unknown(asked: PeerRecord): readonly PeerRecord[] {
    return this.#book.ready.filter((record) => record !== asked && record.status === null);
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

  /** Begins to ask the peers how far they agree, once there is a chain that they can be asked about. */
  async #agreed(chain: Chain, signal: AbortSignal): Promise<Agreement> {
    if (this.#agreement !== null) return this.#agreement;
    const { parts, settings, hub, now } = this.#deps;
    const check = (status: PeerStatus): void => {
      this.#opener.check(status);
    };
    const onFailure = (error: SyncError): void => {
      this.#onFailure(error);
    };
    const transport = anyTransport(parts.transports);
    const deps = { settings, hub, now, chain, transport, book: this.#book, check, onFailure };
    this.#agreement = await Agreement.begin(deps, signal);
    return this.#agreement;
  }

  #connection(
    record: PeerRecord,
    chain: Chain,
    { mode, reason, agreement }: ChosenMode & { readonly agreement: Agreement },
  ): Connection | null {
    const { hub, parts, settings, meter, now } = this.#deps;
    const { peer, status } = record;
    const transport = parts.transports.find((each) => each.mode === mode);
    if (transport === undefined) throw this.#noWay(peer);
    const { head } = chain.tip();
    meter.place(head?.height ?? null, target(status, settings.to));
    if (isDone(head, settings.to)) return null;
    const check = this.#check(chain, agreement);
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

  #check(chain: Chain, { disagreement, confirmer }: Agreement): HeadCheck {
    const { settings, parts } = this.#deps;
    const transport =
      parts.transports.find(({ mode }) => mode === 'stream') ?? anyTransport(parts.transports);
    return new HeadCheck({
      settings,
      chain,
      book: this.#book,
      freshness: this.#freshness,
      survey: this.#surveyDeps(),
      ...{ disagreement, confirmer, acceptCodecs: parts.acceptCodecs },
      locate: { chain, transport },
    });
  }

  #surveyDeps(): SurveyDeps {
    const { parts, now } = this.#deps;
    return {
      transport: anyTransport(parts.transports),
      now,
      check: (status) => {
        this.#opener.check(status);
      },
      onFailure: (record, error) => {
        this.#recovery.judge(record, error);
      },
    };
  }

  #noWay(peer: Peer): SyncError {
    const { parts, settings } = this.#deps;
    const names = parts.transports.map(({ name }) => name).join(', ');
    const message = `The mode ${settings.mode} leaves no way to sync from ${peer.url}; the transports here are ${names}.`;
    const { mode } = settings;
    const registered = parts.transports.some(
      (each) => each.mode === mode || mode === 'auto' || mode === 'snapshot',
    );
    return new SyncError(registered ? 'PEER_REFUSED' : 'PLUGIN_UNKNOWN', message);
  }
}

/** What asking a peer came to. */
type Outcome =
  /** The sync is over. */
  | { readonly kind: 'finished' }
  /** The peer has sent all it had, and there is more to come, of it or of another one. */
  | { readonly kind: 'go-on'; readonly record: PeerRecord }
  | (Failure & { readonly kind: 'failed' });

type Ended = Extract<ConnectionOutcome, { kind: 'ended' }>;

const FINISHED: Outcome = { kind: 'finished' };

function withoutAge({ height, timestamp }: BlockHeader): string {
  const time = timestamp === null ? 'has no time' : `has the time ${timestamp}, which is not in milliseconds`;
  return `Block ${height} ${time}: \`staleAfterMs\` counts from when blocks came, not from when they were made.`;
}

/** The status document is the same whoever asks for it. */
function anyTransport(transports: readonly Transport[]): Transport {
  const [transport] = transports;
  if (transport !== undefined) return transport;
  throw new SyncError('PLUGIN_UNKNOWN', 'No transport is registered.');
}

function target(status: PeerStatus | null, to: number | null): number | null {
  const head = status?.head?.height ?? null;
  if (to === null) return head;
  return head === null ? to : Math.min(head, to);
}
