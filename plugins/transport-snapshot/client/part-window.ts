import type { Peer, SnapshotPart } from '../../../src/contracts/index.js';

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

/** Where a part is on its way to the reader. */
type Stage = 'kept' | 'due' | 'coming' | 'encoded' | 'decoding' | 'decoded';

/** A request that brings parts. */
export interface PartRequest {
  readonly peer: Peer;
  /** Another request was faster. */
  giveUp(): void;
}

/** A part in the window. */
export interface Slot {
  readonly index: number;
  readonly part: SnapshotPart;
  stage: Stage;
  /** Encoded or decoded, as the stage says. */
  bytes: Uint8Array | null;
  /** The request that is to bring it. */
  request: PartRequest | null;
  /** When it became that request's next one, by `performance.now()`. */
  dueSince: number;
}

/** The parts from the one that the reader is due to get up to those that are fetched ahead of it. Bounds what is held. */
export class PartWindow {
  readonly #parts: readonly SnapshotPart[];
  readonly #isKept: (part: SnapshotPart) => boolean;
  #slots: Slot[] = [];
  #bytes = 0;

  constructor(parts: readonly SnapshotPart[], isKept: (part: SnapshotPart) => boolean) {
    this.#parts = parts;
    this.#isKept = isKept;
    this.#extend(0);
  }

  /** The part that the reader is due to get; `null` behind the last one. */
  get first(): Slot | null {
    return this.#slots[0] ?? null;
  }

  /** Whether parts wait to be fetched. */
  isWaiting(): boolean {
    return this.#slots.some(({ stage }) => stage === 'due');
  }

  /** The reader has got the first one. */
  shift(): void {
    const slot = this.#slots.shift();
    if (slot === undefined) return;
    this.#bytes -= slot.part.length;
    this.#extend(slot.index + 1 + this.#slots.length);
  }

  /** Takes a part that may have been kept. */
  takeKept(): Slot | null {
    const slot = this.#slots.find(({ stage }) => stage === 'kept') ?? null;
    if (slot !== null) slot.stage = 'coming';
    return slot;
  }

  /**
   * Takes parts to fetch with one request, oldest first.
   *
   * @param idle - how many requests could be begun now, this one included.
   * @param alone - whether none is under way.
   */
  takeRun(idle: number, alone: boolean): readonly Slot[] {
    const from = this.#slots.findIndex(({ stage }) => stage === 'due');
    if (from < 0) return [];
    const due = this.#slots.slice(from);
    const after = due.findIndex(({ stage }) => stage !== 'due');
    const stretch = after < 0 ? due : due.slice(0, after);
    const growing = after < 0 && stretch.at(-1)?.index !== this.#parts.length - 1;
    if (growing && !alone && !isWorthIt(stretch)) return [];
    const run = runOf(stretch, Math.max(1, Math.ceil(stretch.length / idle)));
    for (const slot of run) slot.stage = 'coming';
    return run;
  }

  /** The request that the reader waits for, when it has not brought the next part in this time. */
  stalled(ms: number): PartRequest | null {
    const { first } = this;
    const isStalled = first?.stage === 'coming' && performance.now() - first.dueSince > ms;
    return isStalled ? first.request : null;
  }

  /** Takes what a request has not brought yet, to ask for it again elsewhere. */
  takeFrom(request: PartRequest): readonly Slot[] {
    const end = this.#slots.findIndex((slot) => slot.stage !== 'coming' || slot.request !== request);
    return runOf(end < 0 ? this.#slots.slice() : this.#slots.slice(0, end), RUN_PARTS);
  }

  /** Takes a part to decode, when there is one that the reader will get soon. */
  takeEncoded(): Slot | null {
    let bytes = 0;
    for (const slot of this.#slots.slice(0, DECODED_PARTS)) {
      bytes += slot.part.rawLength;
      if (bytes > DECODED_BYTES && slot !== this.#slots[0]) return null;
      if (slot.stage !== 'encoded') continue;
      slot.stage = 'decoding';
      return slot;
    }
    return null;
  }

  #extend(from: number): void {
    for (let index = from; this.#slots.length < AHEAD_PARTS; index++) {
      const part = this.#parts[index];
      if (part === undefined || (this.#slots.length > 0 && this.#bytes + part.length > AHEAD_BYTES)) return;
      this.#bytes += part.length;
      this.#slots.push({
        index,
        part,
        stage: this.#isKept(part) ? 'kept' : 'due',
        bytes: null,
        request: null,
        dueSince: Infinity,
      });
    }
  }
}

function isWorthIt(stretch: readonly Slot[]): boolean {
  return stretch.length >= WORTH_PARTS || sum(stretch) >= WORTH_BYTES;
}

function runOf(stretch: readonly Slot[], share: number): readonly Slot[] {
  const most = Math.min(share, RUN_PARTS);
  let bytes = 0;
  const end = stretch.findIndex(({ part }, index) => {
    bytes += part.length;
    return index > 0 && (index >= most || bytes > RUN_BYTES);
  });
  return end < 0 ? stretch : stretch.slice(0, end);
}

function sum(slots: readonly Slot[]): number {
  return slots.reduce((bytes, { part }) => bytes + part.length, 0);
}
