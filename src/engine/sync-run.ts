import type { ChainRules, Peer, PeerStatus, Transport } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { sleep, throwIfAborted } from '../internal/abort.js';
import { Chain } from './chain.js';
import { Connection } from './connection.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './event-hub.js';
import { checkPeerChain, chooseRules } from './handshake.js';
import { type ChosenMode, ModeChooser } from './modes.js';
import { Freshness } from './peers/freshness.js';
import { HeadCheck } from './peers/head-check.js';
import { publishVerdict } from './peers/head-watch.js';
import type { PeerBook, Turn } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { askStatus, claimOf, survey, type SurveyDeps } from './peers/survey.js';
import type { ProgressMeter } from './progress.js';
import { Recovery } from './recovery.js';
import { SnapshotRun } from './snapshot-run.js';

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
  /** Runs once, when the chain's rules are known and the chain is open. */
  onChain(chain: Chain): void;
}

/** One way from the durable head to the peers' head, over as many connections as it takes. */
export class SyncRun {
  readonly #deps: RunDeps;
  readonly #book: PeerBook;
  readonly #chooser: ModeChooser;
  readonly #freshness: Freshness;
  #chain: Chain | null = null;
  readonly #recovery: Recovery;
  /** The way under way; `null` while none is chosen. */
  #way: BlockMode | null = null;
  #connection: Connection | null = null;

  constructor(deps: RunDeps) {
    const { parts, settings } = deps;
    this.#deps = deps;
    this.#book = deps.book;
    this.#freshness = new Freshness(deps.now);
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
    if (this.#isChainKnown()) await this.#openChain(null);
    for (let turn = this.#book.next(); ; turn = this.#book.next()) {
      if (turn === null) throw new TypeError('A run needs at least one peer.');
      try {
        await this.#wait(turn, signal);
        this.#way = null;
        this.#connection = null;
        await this.#connect(turn.record, signal);
        if (await this.#isFinished(this.#connected(turn.record), signal)) return;
      } catch (error) {
        throwIfAborted(signal);
        if (!isSyncError(error) || isLocal(error)) throw error;
        this.#recover(turn.record, error);
      }
    }
  }

  #recover(asked: PeerRecord, error: SyncError): void {
    this.#recovery.after({
      record: this.#connected(asked),
      error,
      way: this.#way,
      hasWorked: this.#connection?.hasWorked === true,
      passing: this.#connection?.passing ?? null,
    });
  }

  async #wait({ waitMs }: Turn, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0) return;
    this.#deps.hub.phase('waiting');
    await sleep(waitMs, signal);
  }

  /** The peer that has answered in place of the one that was asked. */
  #connected(asked: PeerRecord): PeerRecord {
    const connection: Connection | null = this.#connection;
    return connection?.record ?? asked;
  }

  /** Whether the sync is over; when following it never is. */
  async #isFinished(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const { settings } = this.#deps;
    const chain = this.#open();
    if (alreadyThere(chain, settings.to)) return true;
    // It has ended below what it claimed when it was asked.
    const isUnproved = claimOf(record.status, chain.tip().head) === 'ahead';
    if (isUnproved && this.#book.usable.length > 1) throw unproved(record);
    const isCaughtUp = await this.#isCaughtUp(record, signal);
    if (this.#connection?.hasWorked !== false || !settings.follow) this.#recovery.worked(record);
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
    const chain = this.#open();
    const verdict = await this.#check(chain).run(record, signal);
    const { ahead, doubt } = verdict;
    if (ahead !== null) {
      this.#book.prefer(ahead);
      return false;
    }
    if (settings.follow) publishVerdict({ hub, chain, staleAfterMs: settings.staleAfterMs }, verdict, null);
    else if (doubt !== null) throw doubt;
    return doubt === null;
  }

  #open(): Chain {
    if (this.#chain === null) throw new TypeError('The chain is not open.');
    return this.#chain;
  }

  async #connect(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { hub } = this.#deps;
    const { peer } = record;
    hub.peer(peer.url);
    hub.phase('connecting');
    hub.emit({ type: 'peer', peer: peer.url, status: 'connecting', error: null });
    const [status] = await Promise.all([
      askStatus(this.#surveyDeps(), record, signal),
      survey(this.#surveyDeps(), this.#unknown(record), SURVEY_MS, signal),
    ]);
    const first = this.#choose(peer, status);
    if (first?.mode === 'snapshot') await this.#takeSnapshot(peer, status, first, signal);
    const chain = this.#chain ?? (await this.#openChain(status));
    if (status !== null) this.#checkStatus(chain, status);
    const chosen = first?.mode === 'snapshot' ? this.#choose(peer, status) : first;
    if (chosen === null) throw this.#noWay(peer);
    await this.#fetchBlocks(record, chain, chosen, signal);
  }

  /** Peers that have said nothing of themselves yet. */
  #unknown(asked: PeerRecord): readonly PeerRecord[] {
    return this.#book.ready.filter((record) => record !== asked && record.status === null);
  }

  #choose(peer: Peer, status: PeerStatus | null): ChosenMode | null {
    const { parts, settings } = this.#deps;
    const { head } = parts.storage.checkpoint();
    return this.#chooser.choose(peer, { height: head?.height ?? null, to: settings.to, status });
  }

  /** Takes a snapshot, if one can be had; what it doesn't bring, the blocks do. */
  async #takeSnapshot(
    peer: Peer,
    status: PeerStatus | null,
    chosen: ChosenMode,
    signal: AbortSignal,
  ): Promise<void> {
    const { hub, parts, settings } = this.#deps;
    if (parts.snapshots === null) return;
    if (status !== null) this.#checkRules(status);
    hub.mode({ ...chosen, peer: peer.url });
    hub.phase('importing');
    const onLiar = (liar: Peer, error: SyncError): void => {
      const record = this.#book.find(liar.url);
      if (record !== null) this.#book.drop(record, error);
    };
    const peers = (): readonly Peer[] => this.#book.usable.map((record) => record.peer);
    const snapshot = new SnapshotRun({ hub, parts, settings, peers, onLiar }, parts.snapshots);
    try {
      await snapshot.run(peer, status, signal);
      hub.checkpoint(parts.storage.checkpoint());
    } catch (error) {
      throwIfAborted(signal);
      if (!isSyncError(error) || isLocal(error)) throw error;
      // A node that is ahead of the snapshot needs none; without the mode being asked for, blocks do as well.
      if (settings.mode === 'snapshot' && error.code !== 'SNAPSHOT_STALE') throw error;
      hub.warn(error.code, error.message);
      await snapshot.forget();
      if (this.#book.usable.length === 0) throw error;
    }
    this.#chooser.endSnapshot();
  }

  async #fetchBlocks(
    record: PeerRecord,
    chain: Chain,
    chosen: ChosenMode,
    signal: AbortSignal,
  ): Promise<void> {
    const { hub, parts, settings, meter, now } = this.#deps;
    const { peer, status } = record;
    const transport = parts.transports.find(({ mode }) => mode === chosen.mode);
    if (transport === undefined) throw this.#noWay(peer);
    this.#way = transport.mode;
    meter.place(chain.tip().head?.height ?? null, target(status, settings.to));
    if (alreadyThere(chain, settings.to)) return;
    const check = this.#check(chain);
    await check.mayBelieve(record, signal);
    hub.emit({ type: 'peer', peer: peer.url, status: 'connected', error: null });
    hub.mode({ ...chosen, peer: peer.url });
    hub.phase('syncing');
    const onSuccess = (): void => {
      this.#chooser.succeeded();
    };
    const onOther = (other: PeerRecord, error: SyncError): void => {
      this.#recovery.judge(other, error);
    };
    const book = this.#book;
    this.#connection = new Connection(
      { hub, parts, settings, meter, now, book, chain, check, transport, onSuccess, onOther },
      record,
    );
    await this.#connection.run(signal);
  }

  #check(chain: Chain): HeadCheck {
    const { settings, parts } = this.#deps;
    const transport =
      parts.transports.find(({ mode }) => mode === 'stream') ?? anyTransport(parts.transports);
    return new HeadCheck({
      settings,
      chain,
      book: this.#book,
      freshness: this.#freshness,
      survey: this.#surveyDeps(),
      agreement: { chain, transport, acceptCodecs: parts.acceptCodecs },
    });
  }

  #surveyDeps(): SurveyDeps {
    const { parts, now } = this.#deps;
    return {
      transport: anyTransport(parts.transports),
      now,
      check: (status) => {
        const chain = this.#chain;
        if (chain !== null) checkPeerChain(status, chain.chain, this.#certainChainId());
      },
      onFailure: (record, error) => {
        this.#recovery.judge(record, error);
      },
    };
  }

  #rulesId(status: PeerStatus | null): string {
    const { parts, settings } = this.#deps;
    return chooseRules({ configured: settings.chain, identity: parts.storage.identity() }, status);
  }

  async #openChain(status: PeerStatus | null): Promise<Chain> {
    const { parts, settings } = this.#deps;
    const chain = chainOf(parts, settings, await parts.rules(this.#rulesId(status)));
    await chain.checkState();
    this.#chain = chain;
    this.#deps.onChain(chain);
    return chain;
  }

  /** A peer of another chain is not asked for anything else. */
  #checkRules(status: PeerStatus): void {
    checkPeerChain(status, this.#rulesId(status), this.#certainChainId());
  }

  /** The chain's name as far as it is more than a peer's word; `null` when it is not. */
  #certainChainId(): string | null {
    const { parts, settings } = this.#deps;
    return settings.chainId ?? parts.storage.identity()?.chainId ?? null;
  }

  #checkStatus(chain: Chain, status: PeerStatus): void {
    checkPeerChain(status, chain.chain, this.#certainChainId());
    if (status.chainId !== null) chain.adoptChainId(status.chainId);
  }

  /** Whether the chain can be opened before a peer is asked: a snapshot goes into a store that no chain is open on. */
  #isChainKnown(): boolean {
    const { parts, settings } = this.#deps;
    const { mode } = settings;
    const isEmpty = parts.storage.checkpoint().head === null;
    if (parts.snapshots !== null && (mode === 'snapshot' || (mode === 'auto' && isEmpty))) return false;
    return settings.chain !== null || parts.storage.identity() !== null;
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

type BlockMode = Transport['mode'];

function unproved({ peer }: PeerRecord): SyncError {
  const message = `${peer.url} claims a head that it has not sent.`;
  return new SyncError('HEAD_UNPROVED', message, { peer: peer.url });
}

/** Makes the chain of an engine out of its parts. */
export function chainOf(parts: EngineParts, settings: EngineSettings, rules: ChainRules): Chain {
  return new Chain({
    storage: parts.storage,
    rules,
    codecs: parts.codecs,
    storeCodec: parts.codecs.get(parts.storeCodec),
    chainId: settings.chainId,
    base: settings.base,
    maxBlockBytes: settings.limits.maxBlockBytes,
    stateTransition: settings.stateTransition,
    finality: settings.finality,
    onClose: () => parts.close(),
  });
}

/** The status document is the same whoever asks for it. */
function anyTransport(transports: readonly Transport[]): Transport {
  const [transport] = transports;
  if (transport !== undefined) return transport;
  throw new SyncError('PLUGIN_UNKNOWN', 'No transport is registered.');
}

function alreadyThere(chain: Chain, to: number | null): boolean {
  const { head } = chain.tip();
  return to !== null && head !== null && head.height >= to;
}

function target(status: PeerStatus | null, to: number | null): number | null {
  const head = status?.head?.height ?? null;
  if (to === null) return head;
  return head === null ? to : Math.min(head, to);
}

/** A failure of this node: asking another peer does not help. */
function isLocal(error: SyncError): boolean {
  if (error.code === 'STATE_FAILED') return true;
  return error.code.startsWith('STORE_') || error.code.startsWith('PLUGIN_');
}
