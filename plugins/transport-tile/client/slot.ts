import type { Peer } from '../../../src/contracts/index.js';
import type { Attempt } from './attempt.js';
import { PROGRESS_BYTES } from './file.js';
import type { BroughtTile, Kept } from './kept-tiles.js';
import type { PartialBody } from './partial-body.js';
import type { Source } from './source.js';
import { heldBytesOf, type PlannedTile } from './tile-file.js';

/** Where a tile is on its way to the reader. */
export type SlotState =
  /** It waits to be fetched. */
  | { readonly at: 'due' }
  /** One request is to bring it, or two where the first takes too long. */
  | { readonly at: 'fetching'; readonly attempts: readonly Attempt[] }
  | { readonly at: 'verified'; readonly brought: BroughtTile };

/** A tile on its way to the reader. Each method is one transition; one that the state does not allow is a `TypeError`. */
export class Slot {
  readonly planned: PlannedTile;
  /** Memory that it is to take, by its line, or takes. */
  readonly heldBytes: number;
  #state: SlotState;
  #begun = 0;
  /** What a request that was cut off has left. With it there are never more than two bodies of a tile. */
  #partial: PartialBody | null = null;
  /** Who has sent it. */
  #partialOf: Source | null = null;
  /** Most bytes of its body that were ever here, to go on from. */
  #furthest = 0;

  /**
   * @param kept - what an earlier download has left of it.
   * @param from - who has sent that, and may be asked for the rest. Default nobody.
   */
  constructor(planned: PlannedTile, kept: Kept | null, from: Source | null = null) {
    this.planned = planned;
    const brought = kept !== null && 'tile' in kept ? kept : null;
    this.heldBytes = heldBytesOf(brought?.tile ?? planned.entry);
    this.#state = brought === null ? { at: 'due' } : { at: 'verified', brought };
    if (kept === null || 'tile' in kept) return;
    this.#partial = kept;
    this.#partialOf = from;
    this.#furthest = kept.bytes.byteLength;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Requests that were begun for it since the last one that was cut off and had brought something. */
  get begun(): number {
    return this.#begun;
  }

  /** Requests under way. */
  get attempts(): readonly Attempt[] {
    return this.#state.at === 'fetching' ? this.#state.attempts : [];
  }

  /** Whether no network is waited for any more: it is verified, or being verified. */
  get isHere(): boolean {
    return this.#state.at === 'verified' || this.attempts.some(({ progressAt }) => progressAt === null);
  }

  /** What is worth keeping of it for another download; `null` for nothing. */
  get kept(): Kept | null {
    return this.#state.at === 'verified' ? this.#state.brought : this.#partial;
  }

  /** What is here of a peer, to go on from. The longest: one that is under way may have more than one that was cut off. */
  partialOf({ url }: Peer): PartialBody | null {
    const all = [this.#partial, ...this.attempts.map(({ partial }) => partial)];
    return all.reduce((best, each) => (each?.peer.url === url ? longer(best, each) : best), null);
  }

  /** A request is to bring it. */
  begin(attempt: Attempt): void {
    if (this.#state.at === 'verified') throw illegal(this.#state, 'fetching');
    this.#begun++;
    if (this.attempts.length > 0 || this.#partial?.peer.url === attempt.source.peer.url) this.#partial = null;
    this.#state = { at: 'fetching', attempts: [...this.attempts, attempt] };
  }

  /**
   * A request ended without it.
   *
   * @returns whether there is more to go on from than ever before, and not only a little: a peer that sends next to nothing each
   *   time would else be asked for ever.
   */
  drop(attempt: Attempt): boolean {
    if (this.#state.at !== 'fetching') throw illegal(this.#state, 'due');
    this.#keep(attempt);
    const length = this.#partial?.bytes.byteLength ?? 0;
    const hasMore = length >= this.#furthest + PROGRESS_BYTES;
    if (hasMore) {
      this.#furthest = length;
      this.#begun = 0;
    }
    const attempts = this.#state.attempts.filter((each) => each !== attempt);
    this.#state = attempts.length === 0 ? { at: 'due' } : { at: 'fetching', attempts };
    return hasMore;
  }

  /** A request has brought it. @returns the requests that are not needed any more */
  verified(attempt: Attempt, brought: BroughtTile): readonly Attempt[] {
    if (this.#state.at !== 'fetching') throw illegal(this.#state, 'verified');
    const others = this.#state.attempts.filter((each) => each !== attempt);
    this.#state = { at: 'verified', brought };
    this.#partial = null;
    return others;
  }

  /** One that is shorter is kept only where nobody can go on from the longer one. */
  #keep({ partial, source }: Attempt): void {
    if (partial === null) return;
    const isLost = this.#partialOf !== null && this.#partialOf.out !== null;
    if (!isLost && longer(this.#partial, partial) !== partial) return;
    this.#partial = partial;
    this.#partialOf = source;
  }
}

function longer(one: PartialBody | null, other: PartialBody | null): PartialBody | null {
  if (one === null || other === null) return one ?? other;
  return other.bytes.byteLength > one.bytes.byteLength ? other : one;
}

function illegal({ at }: SlotState, next: SlotState['at']): TypeError {
  return new TypeError(`A tile that is ${at} can't be ${next} next.`);
}
