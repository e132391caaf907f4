import type { Chain } from '../../chain/chain.js';
import type { SyncError } from '../../errors/index.js';
import type { EventHub } from '../events/event-hub.js';
import type { PeerRecord } from '../peers/peer-record.js';

/** What telling of a shortage of peers works with. */
export interface ShortageDeps {
  readonly chain: Chain;
  readonly hub: EventHub;
  /** How many peers have to have a block before it is confirmed. */
  readonly agree: number;
}

/** A peer, and why it can't be heard; `null` when it can. */
export interface Heard {
  readonly record: PeerRecord;
  readonly problem: SyncError | null;
}

/** How the run stands. */
export interface Standing {
  /** Whether nothing was confirmed for a while that should have been. */
  readonly isStill: boolean;
  /** Whether there is a connection that blocks come by. */
  readonly isConnected: boolean;
}

/** Tells when too few peers can be heard to confirm what is held, and who is missing. */
export class Shortage {
  readonly #deps: ShortageDeps;
  #told = '';
  #isWaiting = false;

  constructor(deps: ShortageDeps) {
    this.#deps = deps;
  }

  /** Whether too few peers can be heard. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  note(heard: readonly Heard[], { isStill, isConnected }: Standing): void {
    const { chain, hub, agree } = this.#deps;
    const { head, confirmed } = chain.tip();
    const missing = heard.flatMap(({ record, problem }) =>
      problem === null ? [] : [{ peer: record.peer.url, error: problem }],
    );
    this.#isWaiting = heard.length - missing.length < agree && isStill && head !== null;
    const key = this.#isWaiting ? missing.map(({ peer, error }) => `${peer} ${error.code}`).join('\n') : '';
    if (this.#isWaiting && head !== null && key !== this.#told)
      hub.emit({ type: 'unconfirmed', head, confirmed, agree, missing });
    this.#told = key;
    if (isConnected) this.#enterPhase();
  }

  /** While there is a connection, whether its blocks can be confirmed decides the phase. */
  #enterPhase(): void {
    const { hub } = this.#deps;
    const { phase } = hub.state;
    if (this.#isWaiting && (phase === 'syncing' || phase === 'synced')) hub.phase.waiting();
    else if (!this.#isWaiting && phase === 'waiting') hub.phase.syncing();
  }
}
