import { type ErrorCode, isSyncError, type SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';

/** What becomes of a peer that failed. */
export type Consequence =
  /** It is not asked again in this run. */
  | 'drop'
  /** It claims what it can't back, and is left alone for long. */
  | 'unproved'
  /** It may be asked again after a while. */
  | 'leave';

/** What a failure is judged by. */
export interface Occasion {
  readonly error: SyncError;
  /** Whether the run goes on for good. */
  readonly follow: boolean;
  /** Whether there are other peers. */
  readonly hasOthers: boolean;
  /** Whether a fork may be over when the peer is asked again. */
  readonly mayPass: boolean;
}

/**
 * Judges a failure. A proved lie ends it. What does not pass by itself ends it too for a node that wants to be done; one
 * that follows waits, since servers are moved, restarted and mended.
 */
export function consequenceOf(occasion: Occasion): Consequence {
  const { error, follow, hasOthers, mayPass } = occasion;
  if (error.info.provesLie || isIrreconcilable(error) || isBeyondLimits(error)) return 'drop';
  if (isUselessClaim(occasion)) return hasOthers ? 'unproved' : 'leave';
  return error.info.retryable || mayPass || follow ? 'leave' : 'drop';
}

const USELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HEAD_UNPROVED',
  'PEER_INCONSISTENT',
  'PEER_OUTVOTED',
]);

/** A head that was not shown, or a chain that has no block in common with this one. */
function isUselessClaim({ error, follow, hasOthers, mayPass }: Occasion): boolean {
  if (USELESS.has(error.code)) return true;
  return error.code === 'FORKED' && !mayPass && follow && hasOthers;
}

const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'PEER_UNREACHABLE',
  'PEER_TIMEOUT',
  'PEER_BUSY',
  'PEER_SLOW',
  'PEER_ERROR',
  'STREAM_TRUNCATED',
  'STREAM_IDLE',
  'STREAM_BUFFERED',
  'STREAM_NO_PROGRESS',
]);

/** Whether a peer or its line is out of order, which time heals, and not what it says. */
export function isOutage({ code }: SyncError): boolean {
  return OUTAGES.has(code);
}

/** Whether the host has to be told that a peer is not to be believed. */
export function isNamed(error: SyncError, consequence: Consequence): boolean {
  return error.info.provesLie || consequence === 'unproved' || isIrreconcilable(error);
}

/** Nobody is to blame for it: the peer has blocks that are larger than this node takes, which asking again does not change. */
function isBeyondLimits({ code }: SyncError): boolean {
  return code === 'BLOCK_TOO_LARGE' || code === 'EVENT_TOO_LARGE';
}

/** The peer is on a chain that this node may not go over to. */
function isIrreconcilable({ code }: SyncError): boolean {
  return code === 'BELOW_FINALIZED' || code === 'ROLLBACK_TOO_DEEP' || code === 'BRANCH_TOO_LARGE';
}

/**
 * The failure of a peer, as a value.
 *
 * @throws what asking another peer does not help against: that it was called off, a failure of this node, a defect
 */
export function peerFailure(error: unknown, signal: AbortSignal): SyncError {
  throwIfAborted(signal);
  if (!isSyncError(error) || isLocal(error)) throw error;
  return error;
}

/** A failure of this node: asking another peer does not help. */
export function isLocal(error: SyncError): boolean {
  if (error.code === 'STATE_FAILED') return true;
  return error.code.startsWith('STORE_') || error.code.startsWith('PLUGIN_');
}
