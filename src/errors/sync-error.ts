import { printable } from './printable.js';
import { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from './codes.js';

const BRAND = Symbol.for('blockferry.SyncError');

/** Where and with whom a failure happened. Members that don't apply are absent. */
export interface ErrorContext {
  /** Height of the block concerned. */
  readonly height?: number | undefined;
  /** URL of the peer concerned. */
  readonly peer?: string | undefined;
  /** How long the peer asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Points of the peer's chain, newest first (`FORKED`). */
  readonly ancestors?: readonly { readonly height: number; readonly hash: string }[] | undefined;
  /** The peer's oldest height (`BELOW_BASE`). */
  readonly base?: number | undefined;
}

/** Options of {@link SyncError}. */
export interface SyncErrorOptions extends ErrorContext {
  readonly cause?: unknown;
}

/** The one class of errors that this package throws for what callers can't prevent; mistakes of the caller are `TypeError`. */
export class SyncError extends Error {
  override readonly name: string = 'SyncError';
  /** Stable; see `docs/errors.md`. */
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: SyncErrorOptions = {}) {
    const { cause, ...context } = options;
    // Parts of it may come from a peer, and hosts log it.
    super(printable(message), cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = context;
    if (code === 'ABORTED') this.name = 'AbortError';
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What is known about the code: meaning, next step, whether a retry may help. */
  get info(): ErrorCodeInfo {
    return ERROR_CODES[this.code];
  }

  /**
   * A copy that also says where it happened; members that are already set win. Its stack and cause are the original's,
   * so that it still tells where it was thrown. A copy, because one error may be the reason of several waits.
   */
  at(context: ErrorContext): SyncError {
    const located = new SyncError(this.code, this.message, {
      ...context,
      ...definedOnly(this.context),
      cause: this.cause,
    });
    if (this.stack !== undefined) located.stack = this.stack;
    return located;
  }
}

function definedOnly(context: ErrorContext): ErrorContext {
  return Object.fromEntries(Object.entries(context).filter(([, value]) => value !== undefined));
}

/** Whether a value is a {@link SyncError}, also one of another copy of this package; with a code, of that code. */
export function isSyncError(value: unknown, code?: ErrorCode): value is SyncError {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as unknown as SyncError).code === code;
}
