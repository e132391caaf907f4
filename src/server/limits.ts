import type { ServerLimits } from '../contracts/index.js';

/** Defaults of a server's bounds (protocol section 4). */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  heartbeatMs: 15_000,
  writeStallMs: 30_000,
  maxBlockBytes: 64 * 1024 * 1024,
  maxRange: 10_000,
  maxStreams: 1000,
  maxStreamsPerAddress: 20,
};

/** Completes and checks the bounds of a server. @throws TypeError */
export function serverLimits(limits: Partial<ServerLimits>): ServerLimits {
  const complete = { ...DEFAULT_SERVER_LIMITS, ...limits };
  for (const [name, value] of Object.entries(complete) as [string, unknown][]) {
    if (typeof value === 'number' && value > 0) continue;
    throw new TypeError(`\`${name}\` must be a positive number, not ${String(value)}.`);
  }
  return complete;
}
