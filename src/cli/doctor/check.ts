import { isSyncError, type SyncError } from '../../errors/index.js';
import { failureOf } from '../exit.js';

/** What came of looking at one thing. */
export interface Finding {
  /** What was looked at: `peer`, `clock`. */
  readonly what: string;
  /** `warning`: it works, and may not for long, or not well. */
  readonly state: 'ok' | 'warning' | 'failed';
  readonly text: string;
  /** The way out; empty where nothing has to be done. */
  readonly action: string;
  /** Of what has failed; `null` otherwise. */
  readonly error: SyncError | null;
}

/** Something is as it should be. */
export function fine(what: string, text: string): Finding {
  return { what, state: 'ok', text, action: '', error: null };
}

/** Something is not as it should be, and does not stop anything now. */
export function doubtful(what: string, text: string, action: string): Finding {
  return { what, state: 'warning', text, action, error: null };
}

/** What can't be used, with the way out that its error has. @throws what is no error of the package */
export function broken(what: string, error: unknown): Finding {
  if (!isSyncError(error) || error.code === 'ABORTED') throw error;
  const { code, message, action } = failureOf(error);
  return { what, state: 'failed', text: `${code}: ${message}`, action, error };
}

const MARKS = { ok: 'ok  ', warning: 'WARN', failed: 'FAIL' } as const;

/** One line for what was found, and one for the way out. */
export function findingLines({ what, state, text, action }: Finding): readonly string[] {
  return [`${MARKS[state]} ${what}: ${text}`, ...(action === '' ? [] : [`     ${action}`])];
}
