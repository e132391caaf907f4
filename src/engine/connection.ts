import type { Peer, PeerStatus, Transport } from '../contracts/index.js';
import { isSyncError, type SyncError } from '../errors/index.js';
import { abortError, onAbort, throwIfAborted } from '../internal/abort.js';
import type { Chain } from '../chain/chain.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import { negotiateCodecs } from './handshake.js';
import { hedged } from './peers/hedge.js';
import type { HeadCheck } from './peers/head-check.js';
import { watchHeads } from './peers/head-watch.js';
import type { PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { RateWatch } from './peers/rate-watch.js';
import { asOthers } from './peers/survey.js';
import { type PublishDeps, publishFrames, publishRollback } from './events/publish.js';
import { type PassingFork, runSession, type SessionDeps } from './session.js';

/** A peer so many blocks ahead at most is asked for what comes at once, so that another may be asked for the same. */
const NEAR_BLOCKS = 64;
/** Another peer is asked when an answer takes this many times as long as usual, within bounds. */
const HEDGE_FACTOR = 3;
const MIN_HEDGE_MS = 100;
const MAX_HEDGE_MS = 2_000;
/** Peers that are asked for the same thing at most. */
const HEDGE_PEERS = 3;
/** A live connection that lasted so long was a good one. */
const GOOD_LIVE_MS = 5_000;

/** What a connection works with. */
export interface ConnectionDeps extends PublishDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly book: PeerBook;
  readonly chain: Chain;
  readonly check: HeadCheck;
  readonly transport: Transport;
  readonly now: () => number;
  /** The blocks that came are a reason to go on this way. */
  onSuccess(): void;
  /** One of the other peers that were used failed; the connection goes on. */
  onOther(record: PeerRecord, error: SyncError): void;
}

/** One connection that brings blocks: to one peer, with the help of others. */
export class Connection {
  readonly #deps: ConnectionDeps;
  #record: PeerRecord;
  #rate: RateWatch;
  #progressed = false;
  #liveSinceMs: number | null = null;
  #passing: PassingFork | null = null;
  #watch: Promise<void> | null = null;

  constructor(deps: ConnectionDeps, record: PeerRecord) {
    this.#deps = deps;
    this.#record = record;
    this.#rate = this.#rateOf(record);
  }

  /** The peer that has answered. */
  get record(): PeerRecord {
    return this.#record;
  }

  /** Whether it was worth something: it has changed the chain, or was live for a while. */
  get hasWorked(): boolean {
    const since = this.#liveSinceMs;
    return this.#progressed || (since !== null && this.#deps.now() - since >= GOOD_LIVE_MS);
  }

  /** Why it failed by a fork that may pass; `null` when it did not. */
  get passing(): PassingFork | null {
    return this.#passing;
  }

  /** @throws SyncError */
  async run(signal: AbortSignal): Promise<void> {
    const controller = new AbortController();
    throwIfAborted(signal);
    const stopListening = onAbort(signal, () => {
      controller.abort(abortError(signal));
    });
    try {
      await runSession(this.#session(controller), controller.signal);
      this.#record.hasWorked = true;
    } finally {
      stopListening();
      controller.abort();
      await this.#watch;
      this.#rate.live();
    }
  }

  #session(controller: AbortController): SessionDeps {
    const { settings, parts, chain, book, hub, now } = this.#deps;
    const { peer, status } = this.#record;
    const transport = this.#transport();
    return {
      chain,
      transport,
      peer,
      status,
      acceptCodecs: negotiateCodecs(parts.acceptCodecs, status, transport.mode),
      others: asOthers(book.ready, peer),
      takesTies: settings.agree > 1 || book.usable.length === 1,
      to: settings.to,
      follow: settings.follow && transport.supports.follow,
      batch: settings.limits,
      now,
      onPeerFailure: (failed, error) => {
        const record = book.find(failed.url);
        if (record !== null && isSyncError(error)) this.#deps.onOther(record, error);
      },
      onReceived: (bytes, waitMs) => {
        this.#rate.received(bytes, waitMs);
      },
      ready: (signal) => hub.ready(signal),
      onCommit: (frames) => {
        this.#succeeded();
        publishFrames(this.#deps, chain, frames, transport.mode);
      },
      onRepeat: (height) => {
        hub.warn('HEIGHT_MISMATCH', `The peer sent block ${height} once more; it was left out.`);
      },
      onRollback: (to, dropped) => {
        this.#succeeded();
        publishRollback(this.#deps, chain, to, dropped);
      },
      onLive: () => {
        this.#goLive(controller);
      },
      onPassing: (why, { code, message }) => {
        if (this.#passing === null) hub.warn(code, message);
        this.#passing ??= why;
      },
    };
  }

  #succeeded(): void {
    this.#progressed = true;
    this.#record.hasWorked = true;
    this.#deps.onSuccess();
  }

  #goLive(controller: AbortController): void {
    const { hub, meter, check, chain, settings, now } = this.#deps;
    this.#liveSinceMs = now();
    this.#record.hasWorked = true;
    this.#rate.live();
    this.#deps.onSuccess();
    hub.progress(() => meter.sample(), true);
    if (!check.isNeeded) {
      hub.phase('synced');
      return;
    }
    const { headCheckMs, staleAfterMs } = settings;
    const deps = { check, chain, hub, headCheckMs, staleAfterMs, now };
    this.#watch ??= watchHeads(deps, this.#record, controller.signal).catch((error: unknown) => {
      controller.abort(error);
    });
  }

  /** Near the head an answer comes at once, so that waiting for a peer that hangs is the dearest part. */
  #transport(): Transport {
    const { transport, book } = this.#deps;
    const candidates = transport.mode === 'stream' ? this.#candidates() : [];
    if (candidates.length < 2) return transport;
    const usualMs = this.#record.latencyMs.value ?? MAX_HEDGE_MS;
    return hedged({
      transport,
      candidates,
      delayMs: Math.min(MAX_HEDGE_MS, Math.max(MIN_HEDGE_MS, usualMs * HEDGE_FACTOR)),
      onWinner: (peer: Peer) => {
        const record = book.find(peer.url);
        if (record === null || record === this.#record) return;
        this.#record = record;
        this.#rate = this.#rateOf(record);
        this.#deps.hub.peer(peer.url);
      },
    });
  }

  #candidates(): readonly { readonly peer: Peer; readonly acceptCodecs: readonly string[] }[] {
    const height = this.#deps.chain.tip().head?.height ?? -1;
    const claimed = headOf(this.#record.status);
    if (claimed === null || claimed - height > NEAR_BLOCKS) return [];
    const others = this.#deps.book.ready.filter((record) => {
      const head = headOf(record.status);
      return record !== this.#record && head !== null && head >= claimed && head - height <= NEAR_BLOCKS;
    });
    return [this.#record, ...others].slice(0, HEDGE_PEERS).flatMap(({ peer, status }) => {
      const acceptCodecs = this.#codecsOf(status);
      return acceptCodecs === null ? [] : [{ peer, acceptCodecs }];
    });
  }

  #codecsOf(status: PeerStatus | null): readonly string[] | null {
    try {
      return negotiateCodecs(this.#deps.parts.acceptCodecs, status, 'stream');
    } catch {
      return null;
    }
  }

  #rateOf(record: PeerRecord): RateWatch {
    const { settings, book } = this.#deps;
    const hasOthers = (): boolean => book.ready.some((other) => other !== record);
    return new RateWatch(record, settings.limits.minBytesPerSecond, hasOthers);
  }
}

function headOf(status: PeerStatus | null): number | null {
  return status?.head?.height ?? null;
}
