import type { Logger } from '../../contracts/index.js';
import type { SyncEvent } from './events.js';

/** Writes a line for what an engine tells, save blocks and progress. None has a block in it. */
export function logSyncEvent(logger: Logger, event: SyncEvent): void {
  const line = LINES[event.type];
  if (line === null) return;
  const [level, message] = typeof line === 'function' ? line(event as never) : line;
  logger[level](fieldsOf(event), message);
}

type Line = readonly [level: keyof Logger, message: string];
type Lines = {
  readonly [K in SyncEvent['type']]:
    null | Line | ((event: Extract<SyncEvent, { readonly type: K }>) => Line);
};

const LINES: Lines = {
  block: null,
  progress: null,
  checkpoint: null,
  phase: ({ phase }) => [phase === 'failed' ? 'error' : 'info', `phase ${phase}`],
  mode: ['info', 'way taken'],
  peer: ({ status }) => [status === 'lost' || status === 'dropped' ? 'warn' : 'debug', `peer ${status}`],
  retry: ['info', 'connects again'],
  rollback: ['warn', 'blocks rolled back'],
  'rollback-held': ['warn', 'a branch that is too short is held'],
  equivocation: ['warn', 'a producer has signed two blocks at one height'],
  disagreement: ['warn', 'peers are on other branches'],
  unconfirmed: ['warn', 'blocks stay unconfirmed'],
  snapshot: ({ status }) => [status === 'progress' ? 'debug' : 'info', `snapshot ${status}`],
  stale: ({ stale }) => [stale ? 'warn' : 'info', stale ? 'no new block for long' : 'new blocks come again'],
  warning: ({ message }) => ['warn', message],
};

/** Of what may be long, how much there is. */
function fieldsOf(event: SyncEvent): object {
  const { type: kind, ...fields } = event;
  const shown: Record<string, unknown> = { event: kind, ...fields };
  if (event.type === 'rollback') shown['dropped'] = event.dropped.length;
  if ('error' in event && event.error !== null) {
    shown['error'] = undefined;
    shown['err'] = event.error;
    shown['code'] = event.error.code;
  }
  return shown;
}
