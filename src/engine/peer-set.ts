import type { Peer } from '../contracts/index.js';
import type { SyncError } from '../errors/index.js';

/** The peers of one run: who is asked next, and who is not asked again. */
export class PeerSet {
  readonly #peers: Peer[];

  constructor(peers: readonly Peer[]) {
    this.#peers = [...peers];
  }

  /** The peer to ask; `null` when all were dropped. */
  get current(): Peer | null {
    return this.#peers[0] ?? null;
  }

  /** Puts the current peer last. */
  leave(): void {
    const peer = this.#peers.shift();
    if (peer !== undefined) this.#peers.push(peer);
  }

  /** Takes a peer out for good. */
  drop(peer: Peer): void {
    const at = this.#peers.findIndex(({ url }) => url === peer.url);
    if (at >= 0) this.#peers.splice(at, 1);
  }
}

/** Whether a failure speaks against asking the same peer again in this run. */
export function isFinalForPeer(error: SyncError): boolean {
  return error.info.provesLie || !error.info.retryable;
}
