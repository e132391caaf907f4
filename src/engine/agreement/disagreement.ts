import type { BlockRef } from '../../contracts/index.js';
import type { EventHub } from '../events/event-hub.js';
import type { PeerRecord } from '../peers/peer-record.js';
import type { Place } from './locate.js';

/** A peer, and where it is. */
export interface Placed {
  readonly record: PeerRecord;
  /** `null` when it can't be heard. */
  readonly place: Place | null;
}

/** Tells of peers that are on other branches than ours, whenever that has changed. */
export class Disagreement {
  readonly #hub: EventHub;
  #told = '';

  constructor(hub: EventHub) {
    this.#hub = hub;
  }

  /** @param ours - our head. */
  note(ours: BlockRef | null, placed: readonly Placed[]): void {
    const others = placed.flatMap(({ record, place }) =>
      place?.differs === true ? [{ peer: record.peer.url, block: place.theirs, common: place.common }] : [],
    );
    // A branch that grows is the same disagreement.
    const key = others.map(({ peer, common }) => `${peer} ${common?.hash ?? ''}`).join('\n');
    if (ours === null || key === this.#told) return;
    this.#told = key;
    if (others.length === 0) return;
    const same = placed.flatMap(({ record, place }) =>
      place !== null && !place.differs && place.common !== null ? [record.peer.url] : [],
    );
    this.#hub.emit({ type: 'disagreement', ours, same, others });
  }
}
