import type { Peer, SnapshotPart } from '../../../src/contracts/index.js';

/** A request that brings parts. */
export interface PartRequest {
  readonly peer: Peer;
  /** Another request was faster. */
  giveUp(): void;
}

/** Where a part is on its way to the reader. */
export type SlotState =
  /** An earlier run may have kept it on disk. */
  | { readonly at: 'kept' }
  | { readonly at: 'reading' }
  /** It waits to be fetched. */
  | { readonly at: 'due' }
  | {
      readonly at: 'fetching';
      /** The request that is to bring it. */
      readonly request: PartRequest;
      /** When it became that request's next one, by `performance.now()`; `null` when others come before it. */
      readonly dueSince: number | null;
    }
  /** It has the hash that the manifest gives. */
  | { readonly at: 'verified'; readonly encoded: Uint8Array }
  | { readonly at: 'decoding' }
  | { readonly at: 'decoded'; readonly bytes: Uint8Array };

type Stage = SlotState['at'];

/** A part on its way to the reader. Each method is one transition; one that the state does not allow is a `TypeError`. */
export class PartSlot {
  readonly index: number;
  readonly part: SnapshotPart;
  #state: SlotState;

  /** @param isKept - whether it may be on disk. */
  constructor(index: number, part: SnapshotPart, isKept: boolean) {
    this.index = index;
    this.part = part;
    this.#state = { at: isKept ? 'kept' : 'due' };
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Whether it is wanted of a peer. */
  isOpen(): boolean {
    return this.#state.at === 'due' || this.#state.at === 'fetching';
  }

  /** Whether a request is to bring it. */
  isOf(request: PartRequest): boolean {
    return this.#state.at === 'fetching' && this.#state.request === request;
  }

  /** It is looked for on the disk. */
  read(): void {
    this.#require('reading', 'kept');
    this.#state = { at: 'reading' };
  }

  /** It was not on the disk. */
  missing(): void {
    this.#require('due', 'reading');
    this.#state = { at: 'due' };
  }

  /** A request is to bring it, also in place of another one that takes too long. */
  fetch(request: PartRequest): void {
    this.#require('fetching', 'due', 'fetching');
    this.#state = { at: 'fetching', request, dueSince: null };
  }

  /** It is what a request brings next; nothing changes when another one was to bring it since. */
  dueNow(request: PartRequest): void {
    if (this.isOf(request)) this.#state = { at: 'fetching', request, dueSince: performance.now() };
  }

  /** A request ends without it; nothing changes when another one was to bring it, or has brought it. */
  giveBack(request: PartRequest): void {
    if (this.isOf(request)) this.#state = { at: 'due' };
  }

  /** It is here and has the right hash: from the disk, or of the request that was faster. */
  verified(encoded: Uint8Array): void {
    this.#require('verified', 'reading', 'due', 'fetching');
    this.#state = { at: 'verified', encoded };
  }

  /** It is being decoded. @returns its bytes, which are no longer held */
  decode(): Uint8Array {
    const state = this.#state;
    if (state.at !== 'verified') throw illegal(state.at, 'decoding');
    this.#state = { at: 'decoding' };
    return state.encoded;
  }

  /** It is ready for the reader. */
  decoded(bytes: Uint8Array): void {
    this.#require('decoded', 'decoding');
    this.#state = { at: 'decoded', bytes };
  }

  #require(next: Stage, ...from: readonly Stage[]): void {
    const { at } = this.#state;
    if (!from.includes(at)) throw illegal(at, next);
  }
}

function illegal(at: Stage, next: Stage): TypeError {
  return new TypeError(`A part that is ${at} can't be ${next} next.`);
}
