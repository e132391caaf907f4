import type { BlockSource } from '../../../src/contracts/index.js';
import { raceAbort } from '../../../src/internal/abort.js';

/** What was found is told again for so long: tiles are made without a word, and the status is asked often. */
const FRESH_MS = 1_000;
/** Who asks for the status waits so long for a look that takes its time, and is then told what was found until then. */
const WAIT_MS = 1_000;

/** Looks again from time to time, and after each rollback. One look at a time; the first at once. */
export class Refresher {
  readonly #look: () => Promise<void>;
  readonly #unsubscribe: () => void;
  #looking: Promise<void> | null = null;
  #freshUntilMs = 0;

  /** @param look - takes what there is now; its failures are not told: they show where the tiles are read. */
  constructor(source: Pick<BlockSource, 'subscribe'>, look: () => Promise<void>) {
    this.#look = look;
    this.#unsubscribe = source.subscribe(({ kind }) => {
      if (kind === 'rollback') this.#freshUntilMs = 0;
    });
    void this.refresh();
  }

  /** Looks when it is time; never rejects, and does not take long. */
  async refresh(): Promise<void> {
    if (this.#looking === null && performance.now() < this.#freshUntilMs) return;
    this.#looking ??= this.#lookNow();
    await raceAbort(this.#looking, AbortSignal.timeout(WAIT_MS)).catch(() => undefined);
  }

  close(): void {
    this.#unsubscribe();
  }

  async #lookNow(): Promise<void> {
    // Before the look: a rollback while it goes on calls for another one.
    this.#freshUntilMs = performance.now() + FRESH_MS;
    try {
      await this.#look();
    } finally {
      this.#looking = null;
    }
  }
}
