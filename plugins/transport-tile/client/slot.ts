import type { Attempt } from './attempt.js';
import type { BroughtTile } from './kept-tiles.js';
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

  /** @param kept - where an earlier download has brought it. */
  constructor(planned: PlannedTile, kept: BroughtTile | null) {
    this.planned = planned;
    this.heldBytes = heldBytesOf(kept?.tile ?? planned.entry);
    this.#state = kept === null ? { at: 'due' } : { at: 'verified', brought: kept };
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Requests that were begun for it. */
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

  /** A request is to bring it. */
  begin(attempt: Attempt): void {
    if (this.#state.at === 'verified') throw illegal(this.#state, 'fetching');
    this.#begun++;
    this.#state = { at: 'fetching', attempts: [...this.attempts, attempt] };
  }

  /** A request ended without it. */
  drop(attempt: Attempt): void {
    if (this.#state.at !== 'fetching') throw illegal(this.#state, 'due');
    const attempts = this.#state.attempts.filter((each) => each !== attempt);
    this.#state = attempts.length === 0 ? { at: 'due' } : { at: 'fetching', attempts };
  }

  /** A request has brought it. @returns the requests that are not needed any more */
  verified(attempt: Attempt, brought: BroughtTile): readonly Attempt[] {
    if (this.#state.at !== 'fetching') throw illegal(this.#state, 'verified');
    const others = this.#state.attempts.filter((each) => each !== attempt);
    this.#state = { at: 'verified', brought };
    return others;
  }
}

function illegal({ at }: SlotState, next: SlotState['at']): TypeError {
  return new TypeError(`A tile that is ${at} can't be ${next} next.`);
}
