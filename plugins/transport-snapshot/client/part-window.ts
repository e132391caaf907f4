import type { SnapshotPart } from '../../../src/contracts/index.js';
import { type PartRequest, PartSlot } from './part-slot.js';

/** Encoded bytes that are fetched ahead of the reader at most; one part is always allowed. */
const AHEAD_BYTES = 2 * 1024 * 1024;
const AHEAD_PARTS = 256;
/** Decoded bytes and parts that wait for the reader at most; one part is always allowed. */
const DECODED_BYTES = 32 * 1024 * 1024;
const DECODED_PARTS = 3;
/** Bytes and parts of one request at most; one part is always allowed. */
const RUN_BYTES = 1 * 1024 * 1024;
const RUN_PARTS = 32;
/** Fewer than this are not asked for while other requests are under way: more will be due soon. */
const WORTH_BYTES = 512 * 1024;
const WORTH_PARTS = 8;

/** The parts from the one that the reader is due to get up to those that are fetched ahead of it. Bounds what is held. */
export class PartWindow {
  readonly #parts: readonly SnapshotPart[];
  readonly #isKept: (part: SnapshotPart) => boolean;
  #slots: PartSlot[] = [];
  #bytes = 0;

  constructor(parts: readonly SnapshotPart[], isKept: (part: SnapshotPart) => boolean) {
    this.#parts = parts;
    this.#isKept = isKept;
    this.#extend(0);
  }

  /** The part that the reader is due to get; `null` behind the last one. */
  get first(): PartSlot | null {
    return this.#slots[0] ?? null;
  }

  /** Whether parts wait to be fetched. */
  isWaiting(): boolean {
    return this.#slots.some(isDue);
  }

  /** The reader has got the first one. */
  shift(): void {
    const slot = this.#slots.shift();
    if (slot === undefined) return;
    this.#bytes -= slot.part.length;
    this.#extend(slot.index + 1 + this.#slots.length);
  }

  /** The part to look for on the disk next. */
  nextKept(): PartSlot | null {
    return this.#slots.find(({ state }) => state.at === 'kept') ?? null;
  }

  /**
   * The parts to fetch with one request next, oldest first.
   *
   * @param idle - how many requests could be begun now, this one included.
   * @param alone - whether none is under way.
   */
  nextRun(idle: number, alone: boolean): readonly PartSlot[] {
    const from = this.#slots.findIndex(isDue);
    if (from < 0) return [];
    const due = this.#slots.slice(from);
    const after = due.findIndex((slot) => !isDue(slot));
    const stretch = after < 0 ? due : due.slice(0, after);
    const growing = after < 0 && stretch.at(-1)?.index !== this.#parts.length - 1;
    if (growing && !alone && !isWorthIt(stretch)) return [];
    return runOf(stretch, Math.max(1, Math.ceil(stretch.length / idle)));
  }

  /** The request that the reader waits for, when it has not brought the next part in this time. */
  stalled(ms: number): PartRequest | null {
    const state = this.first?.state;
    if (state?.at !== 'fetching' || state.dueSince === null) return null;
    return performance.now() - state.dueSince > ms ? state.request : null;
  }

  /** What a request has not brought yet, to ask for it again elsewhere. */
  runOf(request: PartRequest): readonly PartSlot[] {
    const end = this.#slots.findIndex((slot) => !slot.isOf(request));
    return runOf(end < 0 ? this.#slots.slice() : this.#slots.slice(0, end), RUN_PARTS);
  }

  /** The part to decode next, when there is one that the reader will get soon. */
  nextVerified(): PartSlot | null {
    let bytes = 0;
    for (const slot of this.#slots.slice(0, DECODED_PARTS)) {
      bytes += slot.part.rawLength;
      if (bytes > DECODED_BYTES && slot !== this.#slots[0]) return null;
      if (slot.state.at === 'verified') return slot;
    }
    return null;
  }

  #extend(from: number): void {
    for (let index = from; this.#slots.length < AHEAD_PARTS; index++) {
      const part = this.#parts[index];
      if (part === undefined || (this.#slots.length > 0 && this.#bytes + part.length > AHEAD_BYTES)) return;
      this.#bytes += part.length;
      this.#slots.push(new PartSlot(index, part, this.#isKept(part)));
    }
  }
}

function isDue({ state }: PartSlot): boolean {
  return state.at === 'due';
}

function isWorthIt(stretch: readonly PartSlot[]): boolean {
  return stretch.length >= WORTH_PARTS || sum(stretch) >= WORTH_BYTES;
}

function runOf(stretch: readonly PartSlot[], share: number): readonly PartSlot[] {
  const most = Math.min(share, RUN_PARTS);
  let bytes = 0;
  const end = stretch.findIndex(({ part }, index) => {
    bytes += part.length;
    return index > 0 && (index >= most || bytes > RUN_BYTES);
  });
  return end < 0 ? stretch : stretch.slice(0, end);
}

function sum(slots: readonly PartSlot[]): number {
  return slots.reduce((bytes, { part }) => bytes + part.length, 0);
}
