import type { Peer } from '../../../src/contracts/index.js';

/** How a peer has its snapshots: it answers for them (protocol sections 2.4, 2.5), or has them in files (2.6.1). */
export type SnapshotPlace = 'server' | 'files';

/** What is known of the peers of an engine; nothing of one that has not been asked yet. */
export class SnapshotPlaces {
  readonly #known = new WeakMap<Peer, SnapshotPlace>();

  of(peer: Peer): SnapshotPlace | null {
    return this.#known.get(peer) ?? null;
  }

  learn(peer: Peer, place: SnapshotPlace): void {
    this.#known.set(peer, place);
  }
}
