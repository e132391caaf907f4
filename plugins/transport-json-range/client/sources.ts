import type { PeerStatus, StreamRequest } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { Source } from './source.js';

/** Most ranges at once, whatever the number of peers. */
const MAX_LANES = 16;
/** The range of a slow peer has at least this part of the blocks that the fastest one's has. */
const MIN_SHARE = 1 / 16;

/** The peers of one download: which one to ask next, and which ones no more. */
export class Sources {
  readonly asked: Source;
  readonly #all: readonly Source[];
  readonly #onFailure: StreamRequest['onPeerFailure'];

  constructor({ peer, others = [], onPeerFailure, acceptCodecs }: StreamRequest, status: PeerStatus | null) {
    this.asked = new Source(peer, status, true, acceptCodecs);
    this.#onFailure = onPeerFailure;
    const more = onPeerFailure === undefined ? [] : others;
    this.#all = [
      this.asked,
      ...more.map((other) => new Source(other.peer, other.status, false, acceptCodecs)),
    ];
  }

  /** Whether there was ever more than one. */
  get several(): boolean {
    return this.#all.length > 1;
  }

  /** How many ranges may be under way: as many as configured, but one for each peer where there are more of those. */
  limit(parallel: number): number {
    const usable = this.#all.filter(({ out }) => out === null);
    const most = usable.reduce((sum, source) => sum + source.most, 0);
    return Math.min(most, Math.max(parallel, Math.min(usable.length, MAX_LANES)));
  }

  /** The peer for a new range from a height; `null` when none should be asked now. */
  next(from: number): Source | null {
    return best(this.#all.filter((source) => isFree(source) && source.has(from, from)));
  }

  /** The peer for a range that can't wait; `null` when none has it. */
  anyFor(from: number, to: number, except: Source | null = null): Source | null {
    const able = this.#all.filter((source) => source !== except && source.has(from, to));
    return best(able.filter(isFree)) ?? best(able);
  }

  /** The peer that may bring a range faster than another one does. */
  instead(slow: Source, from: number, to: number): Source | null {
    return best(this.#all.filter((source) => source !== slow && isFree(source) && source.has(from, to)));
  }

  /** How long a peer's ranges are, compared with those of the fastest one. */
  share({ rate }: Source): number {
    const fastest = Math.max(...this.#all.map((source) => (source.out === null ? (source.rate ?? 0) : 0)));
    return rate === null || fastest === 0 ? 1 : Math.min(1, Math.max(MIN_SHARE, rate / fastest));
  }

  /** A peer is not to be asked any more. */
  fail(source: Source, error: Error): void {
    if (source.out !== null) return;
    source.out = isSyncError(error) ? error.at({ peer: source.peer.url }) : error;
    if (!source.asked) this.#onFailure?.(source.peer, source.out);
  }
}

/** One of the others has to bring something before it is asked for more. */
function isFree({ asked, rate, resting, busy, most }: Source): boolean {
  return !resting && busy < most && (asked || rate !== null || busy === 0);
}

/** Idle ones first, then the one that would be done with another range first. */
function best(sources: readonly Source[]): Source | null {
  let found: Source | null = null;
  for (const source of sources) if (found === null || isBetter(source, found)) found = source;
  return found;
}

function isBetter(source: Source, than: Source): boolean {
  if ((source.busy === 0) !== (than.busy === 0)) return source.busy === 0;
  // One that was never measured is taken to be as fast as the one it is compared with.
  const rate = source.rate ?? than.rate ?? 1;
  return (source.busy + 1) * (than.rate ?? rate) < (than.busy + 1) * rate;
}
