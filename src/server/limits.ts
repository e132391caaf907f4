import type { ServerLimits } from '../contracts/index.js';

/** Bounds of a server that is given none (protocol section 4). */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  heartbeatMs: 15_000,
  writeStallMs: 30_000,
  maxBlockBytes: 64 * 1024 * 1024,
  maxRange: 10_000,
  maxStreams: 1_000,
  maxStreamsPerAddress: 20,
};

/** The default bounds with some replaced. @throws TypeError for a bound that is not a positive number. */
export function serverLimits(limits: Partial<ServerLimits> = {}): ServerLimits {
  const given = Object.entries(limits).filter(([, value]) => (value as unknown) !== undefined);
  for (const [name, value] of given) {
    if (!(name in DEFAULT_SERVER_LIMITS)) throw new TypeError(`There is no limit \`${name}\`.`);
    if (!(value > 0)) throw new TypeError(`\`${name}\` must be a positive number, not ${String(value)}.`);
  }
  return { ...DEFAULT_SERVER_LIMITS, ...Object.fromEntries(given) };
}
