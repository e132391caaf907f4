import { setImmediate as turn } from 'node:timers/promises';
import { install, type Clock } from '@sinonjs/fake-timers';

/** Noon, UTC. */
const START = Date.UTC(2026, 0, 1, 12);

/** Turns of the real event loop after which nothing is under way that does not wait for the virtual clock. */
const IDLE_TURNS = 3;

/** Work on other threads that is under way. */
const working = new Set<Promise<unknown>>();

/** Files are read where code is loaded on the way, which takes real time; a simulated world has none otherwise. */
function readsFiles(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq') || name === 'CloseReq');
}

/** Time stands still until this has settled: work on other threads takes none of it. */
export async function held<T>(work: Promise<T>): Promise<T> {
  working.add(work);
  try {
    return await work;
  } finally {
    working.delete(work);
  }
}

/**
 * Time of a simulated world: timers, `Date` and `performance.now` of the whole process. Immediates and microtasks stay
 * real, so all that does not wait for a time happens by itself; time goes on when nothing of that is left.
 */
export class VirtualClock {
  readonly #clock: Clock = install({
    now: START,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });

  /** Virtual milliseconds since the world began. */
  get nowMs(): number {
    return this.#clock.now - START;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#clock.countTimers();
  }

  /** Runs something later; returns what calls it off. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  }

  /** Lets time go on until something holds. @returns `false` when it does not within that time. */
  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const deadline = { isOver: false };
    const stop = this.after(withinMs, () => {
      deadline.isOver = true;
    });
    for (;;) {
      for (let round = 0; round < IDLE_TURNS; round++) {
        await turn();
        if (working.size === 0 && !readsFiles()) continue;
        await Promise.allSettled(working);
        round = -1;
      }
      if (holds()) break;
      if (deadline.isOver) return false;
      this.#clock.next();
    }
    stop();
    return true;
  }

  /** Lets time go on until a promise has settled. @returns `false` when it does not within that time. */
  async settled(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    return this.until(() => isSettled, withinMs);
  }

  /** Gives the process its own time back. */
  end(): void {
    this.#clock.uninstall();
  }
}
