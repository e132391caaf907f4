import { malformed } from '../../src/internal/json/index.js';

/** Gives items out, and refuses more of them than so many. @throws SyncError `BLOCK_MALFORMED` */
export function* atMost<T>(items: Iterable<T>, most: number, what: string): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === most) throw malformed(0, `more than ${most} items in "${what}"`);
    yield item;
  }
}
