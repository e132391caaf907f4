import type { TransportLimits } from '../contracts/index.js';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../engine/engine-parts.js';
import { duration, integer, number, object, type Reader, withDefault } from '../internal/options/index.js';
import { CHAIN_LIMITS } from './chain-options.js';

/** Defaults of {@link TransportLimits} (protocol section 4). */
const DEFAULT_TIMEOUTS: Omit<TransportLimits, 'maxEventBytes' | 'maxBlockBytes'> = {
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 10_000,
  idleTimeoutMs: 45_000,
  muteTimeoutMs: 5_000,
  progressTimeoutMs: 60_000,
};

/** What an event has beside a block: its other lines, or, where it is none, all of it. */
const EVENT_EXTRA_BYTES = 64 * 1024;

/** The largest event is one that a block can need: base64 makes it a third larger, and codecs make some bytes of what they can't shrink. */
export function transportLimits(timeouts: typeof DEFAULT_TIMEOUTS, maxBlockBytes: number): TransportLimits {
  const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, muteTimeoutMs, progressTimeoutMs } = timeouts;
  const maxEventBytes = Math.ceil(maxBlockBytes * 1.5) + EVENT_EXTRA_BYTES;
  return Object.freeze({
    connectTimeoutMs,
    firstByteTimeoutMs,
    idleTimeoutMs,
    muteTimeoutMs,
    progressTimeoutMs,
    maxEventBytes,
    maxBlockBytes,
  });
}

/** Bounds of a transport where nothing is configured. */
export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = transportLimits(
  DEFAULT_TIMEOUTS,
  DEFAULT_ENGINE_LIMITS.maxBlockBytes,
);

const TRANSPORT_LIMITS = {
  connectTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.connectTimeoutMs),
  firstByteTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.firstByteTimeoutMs),
  idleTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.idleTimeoutMs),
  muteTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.muteTimeoutMs),
  progressTimeoutMs: withDefault(duration(), DEFAULT_TIMEOUTS.progressTimeoutMs),
} satisfies Record<keyof typeof DEFAULT_TIMEOUTS, Reader<number>>;

const ENGINE_LIMITS = {
  ...CHAIN_LIMITS,
  maxBatchBlocks: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxBatchBlocks),
  maxPendingBytes: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxPendingBytes),
  maxBranchBytes: withDefault(integer({ min: 1 }), DEFAULT_ENGINE_LIMITS.maxBranchBytes),
  minBytesPerSecond: withDefault(number(), DEFAULT_ENGINE_LIMITS.minBytesPerSecond),
  streamRetryMs: withDefault(duration(), DEFAULT_ENGINE_LIMITS.streamRetryMs),
} satisfies Record<keyof EngineLimits, Reader<number>>;

/** Reader of the bounds of an engine. */
export const LIMITS = object({ ...ENGINE_LIMITS, ...TRANSPORT_LIMITS });
