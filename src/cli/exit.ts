import { isSyncError, SyncError } from '../errors/index.js';
import { isRefusal } from '../internal/options/index.js';
import { actionOf, inFlags } from './words.js';

/** Exit statuses of the command line. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** The command was called in a way that can't be meant. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** Longest trace that is told. */
const MAX_TRACE_LINES = 40;

/** What is told about a failure. Members that aren't known are `null`. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** What to do about it; empty when the message says it. */
  readonly action: string;
  readonly height: number | null;
  readonly peer: string | null;
  /** The stack of what was at the bottom of a defect; `null` for all that can be expected to happen. */
  readonly trace: string | null;
}

/** Reads what can be told out of anything thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) {
    return {
      code: 'USAGE',
      message: error.message,
      action: 'See --help.',
      height: null,
      peer: null,
      trace: null,
    };
  }
  // What rules say of their options when they are loaded.
  if (isRefusal(error)) return failureOf(new UsageError(inFlags(error.message), { cause: error }));
  const known = isSyncError(error) ? error : unexpected(error);
  const { height = null, peer = null } = known.context;
  const trace = known.code === 'INTERNAL' ? traceOf(known.cause) : null;
  const message = known.code === 'INTERNAL' ? known.message : inFlags(known.message);
  return { code: known.code, message, action: actionOf(known.code), height, peer, trace };
}

/** The exit status for anything thrown. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError || isRefusal(error) ? EXIT.usage : EXIT.failed;
}

/** One or two lines for people: what happened and where, then what to do; more only for a defect. */
export function failureLines(failure: Failure): readonly string[] {
  const { code, message, action, height, peer, trace } = failure;
  const places = [height === null ? '' : `block ${height}`, peer ?? ''].filter(
    (place) => place !== '' && !message.includes(place),
  );
  const where = places.length === 0 ? '' : ` (${places.join(', ')})`;
  // Only calls get lines of their own: a line end in the message of an error may come from a peer.
  const calls = (trace ?? '').split(/\n(?= +at )/).slice(0, MAX_TRACE_LINES);
  return [`${code}: ${message}${where}`, action, ...calls].filter((line) => line !== '');
}

function traceOf(cause: unknown): string | null {
  if (!(cause instanceof Error)) return null;
  return traceOf(cause.cause) ?? cause.stack ?? null;
}

function unexpected(error: unknown): SyncError {
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError('INTERNAL', message, { cause: error });
}
