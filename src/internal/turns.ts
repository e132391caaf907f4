import { later } from '#platform/later';
import type { Frame } from '../contracts/index.js';

/** Those that wait for their turn, the first of them first. */
const waiting: (() => void)[] = [];

/**
 * Resolves in a later turn of the event loop, in which nobody else who waits here goes on: what many do at once, each a
 * little, would else add up to one long turn.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) later(letOneGo);
  });
}

function letOneGo(): void {
  waiting.shift()?.();
  // After what that one does now, and after what has come in meanwhile.
  if (waiting.length > 0) later(letOneGo);
}

/** So many may begin in one turn of the event loop. */
const PLACES = 32;

/** Of this turn. */
let taken = 0;

/**
 * A place in this turn of the event loop for something small that is begun: a thousand that come at once would add up to one
 * long turn.
 *
 * @returns `null` when there is one; else a promise that resolves in a later turn.
 */
export function placeInTurn(): Promise<void> | null {
  if (taken === 0) later(clearPlaces);
  taken += 1;
  return taken > PLACES ? nextTurn() : null;
}

function clearPlaces(): void {
  taken = 0;
}

/** What a frame costs that goes out as it is held, in bytes of codec work. */
const HELD_FRAME_BYTES = 256;
/** What it costs in another codec, beside its bytes: of small blocks, making a decoder and an encoder is most of it. */
const CODED_FRAME_BYTES = 2 * 1024;
/** After so much work others get their turn: a few milliseconds. */
const TURN_BYTES = 256 * 1024;

/** Counts the work on the frames of one answer, so that others get their turn in between. */
export class FrameTurns {
  readonly #codec: string;
  #worked = 0;

  /** @param codec - in which the frames go out. */
  constructor(codec: string) {
    this.#codec = codec;
  }

  /** Whether so much was done that others should have their turn. */
  get isDue(): boolean {
    return this.#worked >= TURN_BYTES;
  }

  /** Counts a frame. */
  count({ codec, documentBytes }: Pick<Frame, 'codec' | 'documentBytes'>): void {
    this.#worked += codec === this.#codec ? HELD_FRAME_BYTES : CODED_FRAME_BYTES + documentBytes;
  }

  /** Gives others their turn. */
  async next(): Promise<void> {
    this.#worked = 0;
    await nextTurn();
  }
}
