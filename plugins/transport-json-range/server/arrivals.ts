import type { BlockSource, ChainChange } from '../../../src/contracts/index.js';
import { forkedBelow, hashBefore } from '../../../src/internal/ancestry.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import type { AskedRange } from './range.js';

/** Requests that wait for a block. However many they are, the source is subscribed to once, and only while there are any. */
export class Arrivals {
  readonly #source: BlockSource;
  readonly #waiting = new Set<Wait>();
  #unsubscribe: (() => void) | null = null;

  constructor(source: BlockSource) {
    this.#source = source;
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
    const parent = new Parent(this.#source, asked);
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
  readonly #source: BlockSource;
  readonly #asked: AskedRange;
  /** Whether it was seen on the chain; one above the head can't be. */
  #wasSeen = false;

  constructor(source: BlockSource, asked: AskedRange) {
    this.#source = source;
    this.#asked = asked;
  }

  /** @param isRolledBack - what is only added changes nothing of it, once it was seen. @throws SyncError `FORKED` */
  async check(isRolledBack: boolean): Promise<void> {
    const { from, parentHash } = this.#asked;
    if (parentHash === null || (this.#wasSeen && !isRolledBack)) return;
    const known = await hashBefore(this.#source, from);
    const isGone = known === null ? this.#wasSeen : known !== parentHash;
    if (isGone) throw await forkedBelow(this.#source, from, from - 1);
    this.#wasSeen = known !== null;
  }
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
