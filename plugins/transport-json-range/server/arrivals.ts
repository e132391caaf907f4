import type { BlockSource, ChainChange } from '../../../src/contracts/index.js';
import type { SyncError } from '../../../src/errors/index.js';
import { forkedBelow, hashBefore } from '../../../src/internal/ancestry.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import type { AskedRange } from './range.js';

/** Requests that wait for a block. However many they are, the source is subscribed to once, and only while there are any. */
export class Arrivals {
  readonly #source: BlockSource;
  readonly #waiting = new Set<Wait>();
  readonly #lookups: Lookups;
  #unsubscribe: (() => void) | null = null;

  constructor(source: BlockSource) {
    this.#source = source;
    this.#lookups = new Lookups(source);
  }

  /**
   * Waits until there is a block at the first height of a range, or the time is over. Resolves at once where there is one.
   *
   * @throws SyncError `FORKED` once the parent that the client names is not on the chain, `ABORTED`
   */
  async wait(asked: AskedRange, ms: number, signal: AbortSignal): Promise<void> {
    if (ms === 0 || this.#isThere(asked)) return;
    const wait = new Wait(ms);
    this.#join(wait);
    try {
      await this.#watch(asked, wait, signal);
    } finally {
      wait.end();
      this.#leave(wait);
    }
  }

  async #watch(asked: AskedRange, wait: Wait, signal: AbortSignal): Promise<void> {
    const parent = new Parent(this.#lookups, asked);
    while (!wait.isOver) {
      await parent.check(wait.takeRollback());
      if (this.#isThere(asked)) return;
      await wait.changed(signal);
    }
  }

  #isThere({ from }: AskedRange): boolean {
    return (this.#source.tip().head?.height ?? -1) >= from;
  }

  #join(wait: Wait): void {
    this.#waiting.add(wait);
    this.#unsubscribe ??= this.#source.subscribe((change) => {
      this.#lookups.forget();
      for (const each of this.#waiting) each.hear(change);
    });
  }

  #leave(wait: Wait): void {
    this.#waiting.delete(wait);
    if (this.#waiting.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }
}

/** The block that a client names as the one below what it waits for. */
class Parent {
  readonly #lookups: Lookups;
  readonly #asked: AskedRange;
  /** Whether it was seen on the chain; one above the head can't be. */
  #wasSeen = false;

  constructor(lookups: Lookups, asked: AskedRange) {
    this.#lookups = lookups;
    this.#asked = asked;
  }

  /** @param isRolledBack - what is only added changes nothing of it, once it was seen. @throws SyncError `FORKED` */
  async check(isRolledBack: boolean): Promise<void> {
    const { from, parentHash } = this.#asked;
    if (parentHash === null || (this.#wasSeen && !isRolledBack)) return;
    const known = await this.#lookups.hashBefore(from);
    const isGone = known === null ? this.#wasSeen : known !== parentHash;
    if (isGone) throw await this.#lookups.forkedBelow(from);
    this.#wasSeen = known !== null;
  }
}

/** What is read for those who wait. A change wakes all of them at once, most of them at the same height: it is read once. */
class Lookups {
  readonly #source: BlockSource;
  /** Under way, by the height above the block that is looked for. */
  readonly #hashes = new Map<number, Promise<string | null>>();
  readonly #forks = new Map<number, Promise<SyncError>>();

  constructor(source: BlockSource) {
    this.#source = source;
  }

  hashBefore(height: number): Promise<string | null> {
    return shared(this.#hashes, height, () => hashBefore(this.#source, height));
  }

  forkedBelow(height: number): Promise<SyncError> {
    return shared(this.#forks, height, () => forkedBelow(this.#source, height, height - 1));
  }

  /** The chain has changed: what is under way may be of the one before. */
  forget(): void {
    this.#hashes.clear();
    this.#forks.clear();
  }
}

function shared<T>(underWay: Map<number, Promise<T>>, height: number, read: () => Promise<T>): Promise<T> {
  const before = underWay.get(height);
  if (before !== undefined) return before;
  const reading = read().finally(() => {
    if (underWay.get(height) === reading) underWay.delete(height);
  });
  underWay.set(height, reading);
  return reading;
}

/** The wait of one request. */
class Wait {
  readonly #timer: NodeJS.Timeout;
  readonly #wake = new WakeUp();
  #isRolledBack = false;
  #isOver = false;

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#wake.notify();
    }, ms);
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  hear({ kind }: ChainChange): void {
    if (kind === 'rollback') this.#isRolledBack = true;
    this.#wake.notify();
  }

  /** Whether there was a rollback since the last call. */
  takeRollback(): boolean {
    const was = this.#isRolledBack;
    this.#isRolledBack = false;
    return was;
  }

  /** Resolves at the next change, or when the time is over. @throws SyncError `ABORTED` */
  changed(signal: AbortSignal): Promise<void> {
    return this.#wake.wait(signal);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
