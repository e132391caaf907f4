import type { BlockRef, ChainRules, Frame, Peer, PeerStatus, Transport } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { sleep, throwIfAborted } from '../internal/abort.js';
import { backoffDelayMs } from './backoff.js';
import { StoredBlockEvent } from './block-event.js';
import { Chain } from './chain.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './event-hub.js';
import { checkPeerChain, chooseRules, negotiateCodecs } from './handshake.js';
import { type ChosenMode, ModeChooser } from './modes.js';
import { isFinalForPeer, PeerSet } from './peer-set.js';
import type { ProgressMeter } from './progress.js';
import { type PassingFork, runSession } from './session.js';
import { SnapshotRun } from './snapshot-run.js';

/** What one run of an engine works with. */
export interface RunDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  readonly meter: ProgressMeter;
  /** Runs once, when the chain's rules are known and the chain is open. */
  onChain(chain: Chain): void;
}

/** One way from the durable head to the peers' head, over as many connections as it takes. */
export class SyncRun {
  readonly #deps: RunDeps;
  readonly #peers: PeerSet;
  readonly #chooser: ModeChooser;
  #chain: Chain | null = null;
  /** Failures in a row without a new block. */
  #failures = 0;
  /** The way under way; `null` while none is chosen. */
  #way: BlockMode | null = null;
  /** What has come of the connection under way. */
  #link = newLink();

  constructor(deps: RunDeps) {
    const { parts, settings } = deps;
    this.#deps = deps;
    this.#peers = new PeerSet(settings.peers);
    this.#chooser = new ModeChooser({
      mode: settings.mode,
      transports: parts.transports.map(({ mode }) => mode),
      snapshots: parts.snapshots !== null,
      minSnapshotBlocks: settings.minSnapshotBlocks,
    });
  }

  /**
   * Resolves when a peer has completed the sync; when following, never.
   *
   * @throws SyncError of the last failure, when no peer is left or too many attempts in a row brought nothing.
   */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const peer = this.#peers.current;
      if (peer === null) throw new TypeError('A run needs at least one peer.');
      try {
        this.#way = null;
        this.#link = newLink();
        await this.#connect(peer, signal);
        if (this.#isFinished()) return;
        this.#handOver(peer);
      } catch (error) {
        throwIfAborted(signal);
        if (!isSyncError(error) || isLocal(error)) throw error;
        if (this.#link.progressed) this.#failures = 0;
        await this.#recover(peer, error.at({ peer: peer.url }), signal);
      }
    }
  }

  #isFinished(): boolean {
    const { settings, parts } = this.#deps;
    const { head } = parts.storage.checkpoint();
    return !settings.follow || (settings.to !== null && (head?.height ?? -1) >= settings.to);
  }

  /** Ranges have brought all there was; the stream brings what is new. */
  #handOver(peer: Peer): void {
    this.#deps.hub.phase('synced');
    if (!this.#chooser.canStream(peer)) throw this.#noStream(peer);
    this.#chooser.succeeded();
  }

  #noStream(peer: Peer): SyncError {
    return new SyncError('PEER_REFUSED', `${peer.url} has no stream that could be followed.`);
  }

  async #connect(peer: Peer, signal: AbortSignal): Promise<void> {
    const { hub, parts } = this.#deps;
    hub.peer(peer.url);
    hub.phase('connecting');
    hub.emit({ type: 'peer', peer: peer.url, status: 'connecting', error: null });
    const status = await anyTransport(parts.transports).status(peer, { signal });
    const first = this.#choose(peer, status);
    if (first?.mode === 'snapshot') await this.#takeSnapshot(peer, status, first, signal);
    const chain = this.#chain ?? (await this.#openChain(status));
    if (status !== null) this.#checkStatus(chain, status);
    const chosen = first?.mode === 'snapshot' ? this.#choose(peer, status) : first;
    if (chosen === null) throw this.#noWay(peer);
    await this.#fetchBlocks({ peer, status, chain }, chosen, signal);
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
    const onLiar = (liar: Peer): void => {
      this.#peers.drop(liar);
    };
    const snapshot = new SnapshotRun({ hub, parts, settings, onLiar }, parts.snapshots);
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
      if (this.#peers.current === null) throw error;
    }
    this.#chooser.endSnapshot();
  }

  async #fetchBlocks(
    {
      peer,
      status,
      chain,
    }: { readonly peer: Peer; readonly status: PeerStatus | null; readonly chain: Chain },
    chosen: ChosenMode,
    signal: AbortSignal,
  ): Promise<void> {
    const { hub, parts, settings } = this.#deps;
    const transport = parts.transports.find(({ mode }) => mode === chosen.mode);
    if (transport === undefined) throw this.#noWay(peer);
    this.#way = transport.mode;
    const acceptCodecs = negotiateCodecs(parts.acceptCodecs, status, transport.mode);
    this.#deps.meter.place(chain.tip().head?.height ?? null, target(status, settings.to));
    if (alreadyThere(chain, settings.to)) return;
    hub.emit({ type: 'peer', peer: peer.url, status: 'connected', error: null });
    hub.mode({ ...chosen, peer: peer.url });
    hub.phase('syncing');
    await runSession(this.#session({ chain, transport, peer, status, acceptCodecs }), signal);
  }

  #session(
    link: { readonly chain: Chain; readonly transport: Transport; readonly peer: Peer } & {
      readonly status: PeerStatus | null;
      readonly acceptCodecs: readonly string[];
    },
  ): Parameters<typeof runSession>[0] {
    const { hub, settings } = this.#deps;
    return {
      ...link,
      to: settings.to,
      follow: settings.follow && link.transport.supports.follow,
      batch: settings.limits,
      onCommit: (frames) => {
        this.#link.progressed = true;
        this.#chooser.succeeded();
        this.#publish(link.chain, frames, link.transport.mode);
      },
      onRepeat: (height) => {
        hub.warn('HEIGHT_MISMATCH', `The peer sent block ${height} once more; it was left out.`);
      },
      onRollback: (to, dropped) => {
        this.#publishRollback(link.chain, to, dropped);
      },
      onLive: () => {
        this.#link.live = true;
        this.#chooser.succeeded();
        hub.progress(() => this.#deps.meter.sample(), true);
        hub.phase('synced');
      },
      onPassing: (why, { code, message }) => {
        if (this.#link.passing === null) hub.warn(code, message);
        this.#link.passing ??= why;
      },
    };
  }

  #publishRollback(chain: Chain, to: BlockRef, dropped: readonly BlockRef[]): void {
    const { hub, meter } = this.#deps;
    this.#link.progressed = true;
    meter.place(to.height, meter.current().head);
    hub.emit({ type: 'rollback', to: { height: to.height, hash: to.hash }, dropped });
    hub.checkpoint(chain.tip());
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
    const { parts, settings } = this.#deps;
    const chainId = settings.chainId ?? parts.storage.identity()?.chainId ?? null;
    checkPeerChain(status, this.#rulesId(status), chainId);
  }

  #checkStatus(chain: Chain, status: PeerStatus): void {
    checkPeerChain(status, chain.chain, chain.chainId());
    if (status.chainId !== null) chain.adoptChainId(status.chainId);
  }

  #publish(chain: Chain, frames: readonly Frame[], origin: BlockMode): void {
    const { hub, meter } = this.#deps;
    let bytes = 0;
    for (const frame of frames) bytes += frame.bytes.byteLength;
    const last = frames.at(-1);
    if (last !== undefined) meter.add(frames.length, bytes, last.header.height);
    if (hub.observed) for (const frame of frames) hub.emit(new StoredBlockEvent(chain, frame, origin));
    hub.checkpoint(chain.tip());
    hub.progress(() => meter.sample());
  }

  async #recover(peer: Peer, error: SyncError, signal: AbortSignal): Promise<void> {
    const { hub, settings } = this.#deps;
    const elsewhere = this.#hasOtherWay(peer, error);
    // That a peer has only one of the two ways is no failure.
    if (elsewhere && !error.info.retryable) return;
    hub.emit({ type: 'peer', peer: peer.url, status: error.info.provesLie ? 'dropped' : 'lost', error });
    if (!elsewhere) this.#turnFrom(peer, error);
    this.#failures += 1;
    if (this.#peers.current === null || this.#failures >= settings.retry.maxAttempts) throw error;
    const delayMs = this.#delayMs(error, elsewhere);
    hub.phase('waiting');
    hub.emit({ type: 'retry', peer: peer.url, error, attempt: this.#failures, delayMs });
    await sleep(delayMs, signal);
  }

  /** Whether the same peer is worth asking by its other way; for a live stream that was lost, ranges would bring nothing. */
  #hasOtherWay(peer: Peer, error: SyncError): boolean {
    const { live, passing } = this.#link;
    return !live && passing === null && this.#way !== null && this.#chooser.failed(peer, this.#way, error);
  }

  #turnFrom(peer: Peer, error: SyncError): void {
    if (isFinalForPeer(error) && !this.#mayPass(error)) this.#peers.drop(peer);
    else this.#peers.leave();
  }

  /** Whether a fork may be over when the peer is asked again: a shorter branch grows, for those who wait. */
  #mayPass(error: SyncError): boolean {
    const { passing } = this.#link;
    if (error.code !== 'FORKED') return false;
    return passing === 'replaced' || (passing === 'shorter' && this.#deps.settings.follow);
  }

  #delayMs(error: SyncError, elsewhere: boolean): number {
    if (isFinalForPeer(error) && !this.#mayPass(error)) return 0;
    // A stream that was cut goes on by ranges at once; when that fails too, it is the line.
    if (elsewhere && this.#failures === 1 && error.code.startsWith('STREAM_')) return 0;
    return backoffDelayMs(this.#deps.settings.retry, this.#failures, error.context.retryAfterMs ?? null);
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

/** What has come of a connection. */
interface Link {
  /** It has changed the chain. */
  progressed: boolean;
  /** It has reached the peer's head and gone on. */
  live: boolean;
  /** Why it failed by a fork that may pass; `null` when it did not. */
  passing: PassingFork | null;
}

function newLink(): Link {
  return { progressed: false, live: false, passing: null };
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

/** A failure of this node, or one that only its operator can judge: asking another peer does not help. */
function isLocal(error: SyncError): boolean {
  if (error.code === 'STATE_FAILED' || error.code === 'BELOW_FINALIZED') return true;
  return error.code.startsWith('STORE_') || error.code.startsWith('PLUGIN_');
}
