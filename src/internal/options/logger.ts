import type { Logger } from '../../contracts/index.js';
import { optional, type Reader } from './reader.js';
import { objectWith } from './values.js';

/** Reads where lines of a log go; `null` for nowhere. */
export function logger(): Reader<Logger | null> {
  return optional(objectWith<Logger>('a logger, such as `pino()` makes', ['debug', 'info', 'warn', 'error']));
}
