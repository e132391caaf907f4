import type { Peer, StreamRequest, Transport, WireItem } from '../contracts/index.js';
import { isSyncError, type SyncError } from '../errors/index.js';
import type { Chain } from '../chain/chain.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EngineTally } from './engine-tally.js';
import { codecsFor } from './handshake.js';
import { candidatesFor } from './peers/candidates.js';
import { hedged } from './peers/hedge.js';
import { metered } from './peers/metered.js';
import type { PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { RateWatch } from './peers/rate-watch.js';
import { asOthers } from './peers/survey.js';
import type { SessionDeps } from './session/session.js';

/** Another peer is asked when an answer takes this many times as long as usual, within bounds. */
const HEDGE_FACTOR = 3;
const MIN_HEDGE_MS = 100;
const MAX_HEDGE_MS = 2_000;

/** What asking a peer for blocks works with. */
export interface AskedPeerDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly book: PeerBook;
  readonly chain: Chain;
  readonly tally: EngineTally;
  readonly transport: Transport;
  /** Whether the peer is asked to go on with blocks as they are made. */
  readonly follows: boolean;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** One of the other peers that were used failed; the connection goes on. */
  onOther(record: PeerRecord, error: SyncError): void;
  /** Another peer than the one that was asked has answered first, and is asked from now on. */
  onAnotherPeer(url: string): void;
}

/** The peer that a connection asks for blocks, which another one may take the place of until the first answer. */
export class AskedPeer {
  readonly #deps: AskedPeerDeps;
  #record: PeerRecord;
  #rate: RateWatch;

  constructor(deps: AskedPeerDeps, record: PeerRecord) {
    this.#deps = deps;
    this.#record = record;
    this.#rate = this.#rateOf(record);
  }

  /** Who is asked now. */
  get record(): PeerRecord {
    return this.#record;
  }

  /** Watches how fast it sends. */
  get rate(): RateWatch {
    return this.#rate;
  }

  /** What a session asks the peer with. */
  opener(): SessionDeps['open'] {
    const { now, transport: asked } = this.#deps;
    const request = this.#request;
    const onReceived = (items: readonly WireItem[], bytes: number, waitMs: number): void => {
      this.#deps.tally.items(asked.mode, items);
      this.#rate.received(bytes, waitMs);
    };
    // Once a peer has answered, all else is asked of that one.
    let transport = this.#transport();
    return (range, signal) => {
      const more = asked.mode === 'tiles' ? this.#forTiles() : {};
      const items = transport.open({ ...request, ...this.#asked(), ...more, ...range }, { signal });
      transport = this.#deps.transport;
      return metered(items, now, onReceived);
    };
  }

  /** Asks the same peer for what is new by another way, whose blocks nobody takes. */
  probe(transport: Transport, signal: AbortSignal): AsyncIterable<readonly WireItem[]> {
    const { head } = this.#deps.chain.tip();
    const place = { after: head, from: head === null ? this.#deps.settings.base : head.height + 1 };
    return transport.open({ ...this.#request, ...this.#asked(transport), ...place }, { signal });
  }

  get #request(): Pick<StreamRequest, 'to' | 'follow' | 'describe'> {
    const { settings, chain, follows } = this.#deps;
    return {
      to: settings.to,
      follow: follows,
      describe: (bytes: Uint8Array, codec?: string) => chain.describe(bytes, codec),
    };
  }

  /** Who is asked, and in what codecs. */
  #asked(transport = this.#deps.transport): Pick<StreamRequest, 'peer' | 'acceptCodecs'> {
    const { parts } = this.#deps;
    const { peer, status } = this.#record;
    return { peer, acceptCodecs: codecsFor(transport, parts.acceptCodecs, status) };
  }

  /** How tiles are checked, who may help, and who is told of a helper that fails. */
  #forTiles(): Pick<StreamRequest, 'verifyTile' | 'others' | 'onPeerFailure'> {
    const { chain, book } = this.#deps;
    return {
      verifyTile: chain.verifyTile,
      others: asOthers(book.ready, this.#record.peer),
      onPeerFailure: (failed, error) => {
        const record = book.find(failed.url);
        if (record !== null && isSyncError(error)) this.#deps.onOther(record, error);
      },
    };
  }

  /** Near the head an answer comes at once, so that waiting for a peer that hangs is the dearest part. */
  #transport(): Transport {
    const { transport, book, chain, parts } = this.#deps;
    if (transport.mode !== 'stream') return transport;
    const candidates = candidatesFor(this.#record, book.ready, chain.tip().head, parts.acceptCodecs);
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
        this.#deps.onAnotherPeer(peer.url);
      },
    });
  }

  #rateOf(record: PeerRecord): RateWatch {
    const { settings, book } = this.#deps;
    const hasOthers = (): boolean => book.ready.some((other) => other !== record);
    return new RateWatch(record, settings.limits.minBytesPerSecond, hasOthers);
  }
}
