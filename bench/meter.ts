import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cpuMsSince, peakRssBytes } from './process.js';

/** What a measured part of this process took. */
export interface Measured {
  readonly elapsedMs: number;
  /** Processor time of all threads. */
  readonly cpuMs: number;
  /** How late the event loop was at a timer of 1 ms; `null` where it had no turn. */
  readonly loop: { readonly p99Ms: number; readonly maxMs: number } | null;
  /** Most memory since the process began. */
  readonly maxRssBytes: number;
}

/** Begins to measure. @returns what ends it */
export function startMeter(): () => Measured {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const before = process.cpuUsage();
  const startedMs = performance.now();
  return () => {
    const elapsedMs = performance.now() - startedMs;
    const cpuMs = cpuMsSince(before);
    delays.disable();
    const loop = delays.count === 0 ? null : { p99Ms: delays.percentile(99) / 1e6, maxMs: delays.max / 1e6 };
    return { elapsedMs, cpuMs, loop, maxRssBytes: peakRssBytes() };
  };
}
