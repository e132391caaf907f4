import type { ServerLimits } from '../contracts/index.js';

/** Bounds of a server that is given none (protocol section 4). */
export const DEFAULT_SERVER_LIMITS: ServerLimits = Object.freeze({
  heartbeatMs: 15_000,
  writeStallMs: 30_000,
  maxStreamMs: 600_000,
  streamLeaseMs: 60_000,
  maxWaitMs: 25_000,
  maxBlockBytes: 64 * 1024 * 1024,
  maxRange: 10_000,
  maxStreams: 1_000,
  maxStreamsPerAddress: 20,
  maxAnswersPerClient: 32,
});
