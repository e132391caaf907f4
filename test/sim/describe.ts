import { isSyncError } from '../../src/errors/index.js';

/** An error in one line. */
export function describeError(error: unknown): string {
  if (isSyncError(error)) return `${error.code} ${error.message} (${error.context.peer ?? 'no peer'})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** An event in one line. */
export function describeEvent(event: object): string {
  return JSON.stringify(event, (key, value: unknown) => {
    if (value instanceof Error) return describeError(value);
    if (key === 'dropped' && Array.isArray(value)) return value.length;
    return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 6) : value;
  });
}
