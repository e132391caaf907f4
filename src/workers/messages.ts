import type { DecodeLimits, PackTask } from '../contracts/index.js';
import { isSyncError, SyncError, type ErrorCode, type ErrorContext } from '../errors/index.js';

/** How a thread makes a codec: what a plugin states as its `worker`. */
export interface WorkerModule {
  readonly id: string;
  readonly module: string;
  readonly options: unknown;
}

/** A piece of work, as it goes to a thread. A thread has one at a time. */
export type Request =
  | { readonly kind: 'pack'; readonly task: PackTask }
  | {
      readonly kind: 'encode';
      readonly codec: string;
      readonly documents: readonly Uint8Array[];
      /** Whether the documents' memory may be taken. */
      readonly owned: boolean;
    }
  | {
      readonly kind: 'decode';
      readonly codec: string;
      readonly bytes: Uint8Array;
      readonly limits: DecodeLimits;
    };

/** What comes back. */
export type Reply = { readonly value: unknown } | { readonly error: ErrorMessage };

/** An error in a form that every error can be cloned in. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly sync: { readonly code: ErrorCode; readonly context: ErrorContext } | null;
  /** The message of the cause, when that is an error. */
  readonly cause: string | null;
}

/** The codecs that a piece of work needs. */
export function codecsOf(request: Request): ReadonlySet<string> {
  if (request.kind !== 'pack') return new Set([request.codec]);
  const frames = request.task.chunks.filter((chunk) => chunk.kind === 'frame');
  return new Set([request.task.codec, ...frames.map((frame) => frame.codec)]);
}

/** The form that an error is sent in. */
export function toMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, sync: null, cause: null };
  }
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    stack,
    sync: isSyncError(error) ? { code: error.code, context: error.context } : null,
    cause: cause instanceof Error ? cause.message : null,
  };
}

/** The error that was sent, with its stack: a SyncError has its code and context, a mistake of the caller is a TypeError again. */
export function fromMessage({ name, message, stack, sync, cause }: ErrorMessage): Error {
  const error = makeError(name, message, sync, cause === null ? {} : { cause: new Error(cause) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function makeError(name: string, message: string, sync: ErrorMessage['sync'], causes: ErrorOptions): Error {
  if (sync !== null) return new SyncError(sync.code, message, { ...sync.context, ...causes });
  return name === 'TypeError' ? new TypeError(message, causes) : new Error(message, causes);
}
