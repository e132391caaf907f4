import { randomUUID } from 'node:crypto';
import type { BlockRef, Storage } from '../../../src/contracts/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../../src/testing/fixture-frames.js';

/** What was acknowledged, and when. */
export interface Acknowledged {
  readonly ref: BlockRef;
  readonly atMs: number;
}

/** Commits blocks, whose hashes no other try has, one batch after the other, until it is stopped. */
export class Blocks {
  readonly acknowledged: Acknowledged[] = [];
  readonly #store: Storage;
  readonly #bytes: number;
  readonly #done: Promise<void>;
  #isOver = false;
  /** What a commit failed with; `null` while none did. */
  error: unknown = null;

  constructor(store: Storage, bytes = 5_000) {
    this.#store = store;
    this.#bytes = bytes;
    this.#done = this.#work();
  }

  /** Ends after the commit that is under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  /** The first acknowledgement after a time; `null` while there is none. */
  after(atMs: number): Acknowledged | null {
    return this.acknowledged.find((one) => one.atMs > atMs) ?? null;
  }

  async #work(): Promise<void> {
    let on = this.#store.checkpoint().head;
    while (!this.#isOver) {
      const frames = fixtureFrames(1 + Math.floor(Math.random() * 4), {
        on,
        branch: randomUUID(),
        bytes: this.#bytes,
      });
      try {
        await this.#store.commit(fixtureBatch(frames));
      } catch (error) {
        this.error = error;
        return;
      }
      const atMs = performance.now();
      const refs = frames.map(refOf);
      this.acknowledged.push(...refs.map((ref) => ({ ref, atMs })));
      on = refs.at(-1) ?? null;
    }
  }
}

/** How a store differs from what was acknowledged. */
export interface Difference {
  readonly lost: number;
  readonly changed: number;
  readonly more: number;
}

/** Compares what a store holds with what was acknowledged. */
export async function difference(store: Storage, acknowledged: readonly Acknowledged[]): Promise<Difference> {
  const held = new Map<number, string>();
  for await (const frames of store.read({ from: 0, to: Number.MAX_SAFE_INTEGER }))
    for (const { header } of frames) held.set(header.height, header.hash);
  let [lost, changed] = [0, 0];
  for (const { ref } of acknowledged) {
    const hash = held.get(ref.height);
    if (hash === undefined) lost++;
    else if (hash !== ref.hash) changed++;
  }
  return { lost, changed, more: held.size - (acknowledged.length - lost) };
}

/** Median and largest of some times, for a line of a report. */
export function spread(timesMs: readonly number[]): string {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const [median = NaN, worst = NaN] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return `median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`;
}
