import test from 'ava';
import type { ServerLimits } from '../../src/index.js';
import { createSyncServer } from '../../src/server/index.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { MemorySource } from '../helpers/memory-source.js';

function limitsOf(limits?: Partial<ServerLimits>): ServerLimits {
  return createSyncServer({ source: new MemorySource(), ...(limits === undefined ? {} : { limits }) }).limits;
}

test("a bound that can't be meant is a TypeError that names it", (t) => {
  t.deepEqual(limitsOf(), DEFAULT_SERVER_LIMITS);
  t.is(limitsOf({ maxStreams: 3 }).maxStreams, 3);
  t.throws(() => limitsOf({ maxRange: 0 }), { instanceOf: TypeError, message: /maxRange/ });
  t.throws(() => limitsOf({ writeStallMs: 2 ** 31 }), { instanceOf: TypeError, message: /writeStallMs/ });
  t.throws(() => limitsOf({ heartbeatMs: Infinity }), { instanceOf: TypeError, message: /heartbeatMs/ });
  t.throws(() => limitsOf({ maxBlobs: 1 } as never), { instanceOf: TypeError, message: /maxBlobs/ });
});
