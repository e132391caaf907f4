import type { ChainRules, Frame, Peer, PeerStatus, Transport } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { sleep, throwIfAborted } from '../internal/abort.js';
import { backoffDelayMs } from './backoff.js';
import { Chain } from './chain.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './event-hub.js';
import { checkPeerChain, chooseRules, negotiateCodecs } from './handshake.js';
import { isFinalForPeer, PeerSet } from './peer-set.js';
import type { ProgressMeter } from './progress.js';
import { runSession } from './session.js';

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
  #chain: Chain | null = null;
  /** Failures in a row without a new block. */
  #failures = 0;

  constructor(deps: RunDeps) {
    this.#deps = deps;
    this.#peers = new PeerSet(deps.settings.peers);
  }

  /**
   * Resolves when a peer has completed the stream.
   *
   * @throws SyncError of the last failure, when no peer is left or too many attempts in a row brought nothing.
   */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const peer = this.#peers.current;
      if (peer === null) throw new TypeError('A run needs at least one peer.');
      const height = this.#height();
      try {
        await this.#connect(peer, signal);
        return;
      } catch (error) {
        throwIfAborted(signal);
        if (!isSyncError(error) || isLocal(error)) throw error;
        if (this.#height() > height) this.#failures = 0;
        await this.#recover(peer, error.at({ peer: peer.url }), signal);
      }
    }
  }

  #height(): number {
    return this.#chain?.tip().head?.height ?? -1;
  }

  async #connect(peer: Peer, signal: AbortSignal): Promise<void> {
    const { hub, parts, settings } = this.#deps;
    hub.peer(peer.url);
    hub.phase('connecting');
    hub.emit({ type: 'peer', peer: peer.url, status: 'connecting', error: null });
    const transport = pickTransport(parts.transports, settings.mode);
    const status = await transport.status(peer, { signal });
    const chain = this.#chain ?? (await this.#openChain(status));
    if (status !== null) this.#checkStatus(chain, status);
    const acceptCodecs = negotiateCodecs(parts.acceptCodecs, status);
    this.#deps.meter.place(chain.tip().head?.height ?? null, target(status, settings.to));
    if (alreadyThere(chain, settings.to)) return;
    hub.emit({ type: 'peer', peer: peer.url, status: 'connected', error: null });
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
      batch: settings.limits,
      onCommit: (frames) => {
        this.#publish(link.chain, frames);
      },
      onRepeat: (height) => {
        hub.warn('HEIGHT_MISMATCH', `The peer sent block ${height} once more; it was left out.`);
      },
    };
  }

  async #openChain(status: PeerStatus | null): Promise<Chain> {
    const { parts, settings } = this.#deps;
    const { storage } = parts;
    const id = chooseRules({ configured: settings.chain, identity: storage.identity() }, status);
    const chain = chainOf(parts, settings, await parts.rules(id));
    await chain.checkState();
    this.#chain = chain;
    this.#deps.onChain(chain);
    return chain;
  }

  #checkStatus(chain: Chain, status: PeerStatus): void {
    checkPeerChain(status, chain.chain, chain.chainId());
    if (status.chainId !== null) chain.adoptChainId(status.chainId);
  }

  #publish(chain: Chain, frames: readonly Frame[]): void {
    const { hub, meter } = this.#deps;
    let bytes = 0;
    for (const frame of frames) bytes += frame.bytes.byteLength;
    const last = frames.at(-1);
    if (last !== undefined) meter.add(frames.length, bytes, last.header.height);
    if (hub.observed) for (const frame of frames) publishBlock(hub, chain, frame);
    hub.checkpoint(chain.tip());
    hub.progress(() => meter.sample());
  }

  async #recover(peer: Peer, error: SyncError, signal: AbortSignal): Promise<void> {
    const { hub, settings } = this.#deps;
    const final = isFinalForPeer(error);
    hub.emit({ type: 'peer', peer: peer.url, status: error.info.provesLie ? 'dropped' : 'lost', error });
    if (final) this.#peers.drop();
    else this.#peers.leave();
    this.#failures += 1;
    if (this.#peers.current === null || this.#failures >= settings.retry.maxAttempts) throw error;
    const delayMs = final
      ? 0
      : backoffDelayMs(settings.retry, this.#failures, error.context.retryAfterMs ?? null);
    hub.phase('waiting');
    hub.emit({ type: 'retry', peer: peer.url, error, attempt: this.#failures, delayMs });
    await sleep(delayMs, signal);
  }
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
    onClose: () => parts.close(),
  });
}

/** The transport for the mode asked for; the first one registered wins. */
function pickTransport(transports: readonly Transport[], mode: EngineSettings['mode']): Transport {
  const transport = transports.find((each) => each.mode === mode);
  if (transport !== undefined) return transport;
  const names = transports.map(({ name }) => name).join(', ');
  throw new SyncError(
    'PLUGIN_UNKNOWN',
    `No transport for the mode ${mode} is registered; there are ${names}.`,
  );
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

function publishBlock(hub: EventHub, chain: Chain, frame: Frame): void {
  const { header, documentBytes } = frame;
  const { height } = header;
  hub.emit({
    type: 'block',
    header,
    documentBytes,
    origin: 'stream',
    block: async () => {
      const block = await chain.get(height);
      if (block?.hash === header.hash) return block;
      throw new SyncError('BELOW_BASE', `Block ${height} is no longer in the store.`, { height });
    },
  });
}

/** A failure of this node, not of the peer: asking another one does not help. */
function isLocal(error: SyncError): boolean {
  if (error.code === 'STATE_FAILED') return true;
  return error.code.startsWith('STORE_') || error.code.startsWith('PLUGIN_');
}
