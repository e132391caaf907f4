import { SyncError } from '../errors/index.js';
import { sleep } from '../internal/abort.js';
import type { Chain } from '../chain/chain.js';
import type { ConnectionOutcome } from './connection.js';
import type { EngineSettings } from './engine-parts.js';
import type { EventHub } from './events/event-hub.js';
import type { ModeChooser } from './modes.js';
import type { OtherPeers } from './other-peers.js';
import { isStatic, reachAbove } from './peer-tiles.js';
import { publishVerdict } from './peers/head-watch.js';
import type { PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { claimOf, unmetClaim } from './peers/survey.js';
import type { Recovery } from './recovery.js';
import { isDone } from './session/claims.js';

/** What drawing the conclusion works with. */
export interface ConclusionDeps {
  readonly settings: EngineSettings;
  readonly hub: EventHub;
  readonly book: PeerBook;
  readonly chooser: ModeChooser;
  readonly recovery: Recovery;
  readonly others: OtherPeers;
}

/** A connection whose peer has sent all it had. */
export type Ended = Extract<ConnectionOutcome, { kind: 'ended' }>;

/** Decides, once a peer has sent all it had, whether that is all that is wanted, and else who goes on. */
export class Conclusion {
  readonly #deps: ConclusionDeps;

  constructor(deps: ConclusionDeps) {
    this.#deps = deps;
  }

  /**
   * Whether the sync is over; when following it never is.
   *
   * @throws SyncError when the peer has not sent what it claims, or the node does not count as caught up
   */
  async isOver(ended: Ended, chain: Chain, signal: AbortSignal): Promise<boolean> {
    const { record, way } = ended;
    const { settings, others } = this.#deps;
    if (isDone(chain.tip().head, settings.to)) {
      await others.agreement?.confirmer?.settled(record, signal);
      return true;
    }
    if (way === 'tiles' && !isStatic(record.status)) {
      this.#goOnBehindTiles(record, chain);
      return false;
    }
    return this.#isAtHead(ended, chain, signal);
  }

  /** Whether a peer that has sent all it had has brought the node where it is to be. */
  async #isAtHead({ record, hasWorked }: Ended, chain: Chain, signal: AbortSignal): Promise<boolean> {
    const { settings, book, recovery } = this.#deps;
    const unmet = unmetClaim(record, chain.tip().head);
    if (unmet !== null) throw unmet;
    book.met(record);
    const isCaughtUp = await this.#isCaughtUp(record, chain, signal);
    if (hasWorked || !settings.follow) recovery.worked(record);
    if (settings.follow) await this.#handOver(record, chain, signal);
    return isCaughtUp && !settings.follow;
  }

  /** The peer is asked for what is behind its tiles. @throws SyncError when those were less than it said */
  #goOnBehindTiles(record: PeerRecord, chain: Chain): void {
    const { settings, book, recovery } = this.#deps;
    const { peer, status } = record;
    const { head } = chain.tip();
    const reach = reachAbove(head, status, settings);
    if (reach !== null) {
      const height = head?.height ?? -1;
      const message = `${peer.url} has sent its tiles up to block ${height}, and says that it has them up to ${reach}.`;
      throw new SyncError('STREAM_TRUNCATED', message, { height, peer: peer.url });
    }
    recovery.worked(record);
    book.prefer(record);
  }

  /** Ranges, or tiles, have brought all there was; the stream brings what is new. */
  async #handOver(record: PeerRecord, chain: Chain, signal: AbortSignal): Promise<void> {
    const { book, chooser } = this.#deps;
    const { peer } = record;
    const canStream = chooser.canStream(record);
    chooser.succeeded();
    if (canStream) return;
    if (isStatic(record.status)) {
      await this.#awaitMore(record, chain, signal);
      return;
    }
    const error = new SyncError('PEER_REFUSED', `${peer.url} has no stream that could be followed.`);
    // One that says it has a stream may only not have it now.
    if (record.status?.codecs.stream.length === 0) book.drop(record, error);
    throw error;
  }

  /**
   * Files tell of nothing: their status is read again and again. Resolves when there is more in them, or another peer brings
   * what is new.
   */
  async #awaitMore(record: PeerRecord, chain: Chain, signal: AbortSignal): Promise<void> {
    const { settings, book, others } = this.#deps;
    for (;;) {
      const streaming = this.#streaming;
      book.prefer(streaming ?? record);
      if (streaming !== null) return;
      await sleep(settings.headCheckMs, signal);
      const claim = claimOf(await others.ask(record, signal), chain.tip().head);
      if (claim !== 'same' && claim !== 'behind') return;
      if (!(await this.#isCaughtUp(record, chain, signal))) return;
    }
  }

  /** A peer that may be asked now and has a stream; `null` when there is none. */
  get #streaming(): PeerRecord | null {
    const { book, chooser } = this.#deps;
    const has = (record: PeerRecord): boolean => record.status !== null && chooser.canStream(record);
    return book.ready.find(has) ?? null;
  }

  /** Whether the other peers and the clock have nothing against it. A peer that claims more is asked next. */
  async #isCaughtUp(record: PeerRecord, chain: Chain, signal: AbortSignal): Promise<boolean> {
    const { hub, settings, book, others } = this.#deps;
    const agreement = await others.agreed(chain, signal);
    if (!settings.follow) await agreement.confirmer?.settled(record, signal);
    const check = others.headCheck(chain, agreement);
    const verdict = await check.run(record, signal);
    await check.tellBranches(signal);
    const { ahead, doubt } = verdict;
    if (ahead !== null) {
      book.prefer(ahead);
      return false;
    }
    if (settings.follow) publishVerdict({ hub, chain, staleAfterMs: settings.staleAfterMs }, verdict, null);
    else if (doubt !== null) throw doubt;
    return doubt === null;
  }
}
