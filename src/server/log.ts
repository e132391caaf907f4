import type { Logger } from '../contracts/index.js';
import { isSyncError } from '../errors/index.js';
import type { ServerEvent } from './events.js';

/** Statuses with which a client is told that it is one too many, or has no business here. */
const NOTABLE: readonly number[] = [401, 403, 429];

/** Writes a line for what has happened at a server: one for each stream, long poll, refusal and failure. None has a block in it. */
export function logServerEvent(logger: Logger, event: ServerEvent): void {
  const { type, ...fields } = event;
  switch (event.type) {
    case 'opened':
      logger.info(fields, 'stream opened');
      break;
    case 'answered':
      if (event.way === 'stream') logger.info(fields, 'stream ended');
      else if (event.way === 'poll') logger.info(fields, 'long poll ended');
      else logger.debug(fields, 'answered');
      break;
    case 'refused':
      if (event.status >= 500 || NOTABLE.includes(event.status)) logger.warn(fields, 'request refused');
      else logger.info(fields, 'request refused');
      break;
    case 'evicted':
      logger.warn(fields, 'client cut off: it took nothing for too long');
      break;
    case 'failed':
      logger.error({ ...errorFields(event.error), event: type }, 'failure');
      break;
  }
}

/** What of an error goes into a log; pino writes what is under `err` with its stack. */
function errorFields(error: unknown): object {
  return isSyncError(error) ? { err: error, code: error.code } : { err: error };
}
