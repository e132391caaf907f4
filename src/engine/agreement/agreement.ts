import type { PeerStatus, Transport } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import type { EngineSettings } from '../engine-parts.js';
import { onAbort } from '../../internal/abort.js';
import { BlockNews } from '../events/block-news.js';
import type { EventHub } from '../events/event-hub.js';
import type { PeerBook } from '../peers/peer-book.js';
import { Confirmer } from './confirmer.js';
import { Disagreement } from './disagreement.js';

/** What finding out how far peers agree works with. */
export interface AgreementDeps {
  readonly settings: EngineSettings;
  readonly book: PeerBook;
  readonly hub: EventHub;
  readonly chain: Chain;
  /** One that can ask whether a peer has a block. */
  readonly transport: Transport;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Throws when a peer serves another chain than this node's. */
  check(status: PeerStatus): void;
  /** Confirming blocks failed by a fault of this node. */
  onFailure(error: SyncError): void;
}

/** How far the peers of a run agree with its chain: what is confirmed, what is told of it, and who differs. */
export class Agreement {
  readonly news: BlockNews;
  readonly disagreement: Disagreement;
  /** `null` where what was verified is confirmed. */
  readonly confirmer: Confirmer | null;
  readonly #running: Promise<void>;
  readonly #chain: Chain;
  readonly #hub: EventHub;

  private constructor(deps: AgreementDeps, news: BlockNews, signal: AbortSignal) {
    const { chain, hub, settings } = deps;
    this.news = news;
    this.#chain = chain;
    this.#hub = hub;
    this.disagreement = new Disagreement(hub);
    this.confirmer = settings.agree > 1 ? new Confirmer({ ...deps, disagreement: this.disagreement }) : null;
    const stopListening = chain.onConfirmed(() => {
      news.confirmed();
      hub.checkpoint(chain.tip());
    });
    onAbort(signal, stopListening);
    this.#running = this.#run(signal, deps);
  }

  /** Begins to ask the peers; goes on until the signal fires. */
  static async begin(deps: AgreementDeps, signal: AbortSignal): Promise<Agreement> {
    const { chain, hub, transport } = deps;
    const news = new BlockNews(chain, hub);
    await news.load(transport.mode);
    return new Agreement(deps, news, signal);
  }

  /** A peer was left for others that agree. @param isDone - whether no more blocks are wanted. */
  async makeRoom(isDone: boolean): Promise<void> {
    const dropped = (await this.confirmer?.makeRoom(isDone)) ?? [];
    if (dropped.length === 0) return;
    const { head } = this.#chain.tip();
    this.news.dropped(head?.height ?? -1, dropped);
    this.#hub.checkpoint(this.#chain.tip());
  }

  /** Resolves when nobody is asked any more, after the signal has fired. */
  ended(): Promise<void> {
    return this.#running;
  }

  async #run(signal: AbortSignal, deps: AgreementDeps): Promise<void> {
    try {
      await this.confirmer?.run(signal);
    } catch (cause) {
      if (signal.aborted) return;
      const text = cause instanceof Error ? cause.message : String(cause);
      deps.onFailure(
        isSyncError(cause) ? cause : new SyncError('INTERNAL', `Confirming failed: ${text}`, { cause }),
      );
    }
  }
}
