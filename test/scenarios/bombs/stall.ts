import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const TICK_MS = 1;

/** How long an event loop stood still, in milliseconds. */
export interface Stall {
  /** Of its own: as long as the process was at work meanwhile, in whatever thread. */
  readonly ownMs: number;
  /** By the clock: also while others had the machine. */
  readonly clockMs: number;
}

/** Tells how long the event loop of this process stood still at once. */
export class StallWatch {
  #last = performance.now();
  #lastCpu = process.cpuUsage();
  #ownMs = 0;
  #clockMs = 0;

  constructor() {
    setInterval(() => {
      this.#look();
    }, TICK_MS);
  }

  /** From now on. */
  begin(): void {
    this.#last = performance.now();
    this.#lastCpu = process.cpuUsage();
    this.#ownMs = 0;
    this.#clockMs = 0;
  }

  /** The longest time since then, in milliseconds. */
  async longest(): Promise<Stall> {
    await wait(5 * TICK_MS);
    return { ownMs: this.#ownMs, clockMs: this.#clockMs };
  }

  #look(): void {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#lastCpu);
    const clockMs = now - this.#last - TICK_MS;
    this.#ownMs = Math.max(this.#ownMs, Math.min(clockMs, (user + system) / 1000));
    this.#clockMs = Math.max(this.#clockMs, clockMs);
    this.#last = now;
    this.#lastCpu = process.cpuUsage();
  }
}

/** The best of several runs. */
export function best(stalls: readonly Stall[]): Stall {
  return {
    ownMs: Math.min(...stalls.map(({ ownMs }) => ownMs)),
    clockMs: Math.min(...stalls.map(({ clockMs }) => clockMs)),
  };
}

/** Most memory that this process ever had, in bytes. */
export function peakBytes(): number {
  // The system's own peak begins with what the parent had when it started this process.
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'latin1') : '';
  const peakKib = /^VmHWM:\s*([0-9]+) kB$/m.exec(status)?.[1];
  return 1024 * (peakKib === undefined ? process.resourceUsage().maxRSS : Number(peakKib));
}
