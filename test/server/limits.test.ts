import test from 'ava';
import { DEFAULT_SERVER_LIMITS, serverLimits } from '../../src/server/limits.js';

test("a bound that can't be meant is a TypeError that names it", (t) => {
  t.deepEqual(serverLimits(), DEFAULT_SERVER_LIMITS);
  t.is(serverLimits({ maxStreams: 3 }).maxStreams, 3);
  t.throws(() => serverLimits({ maxRange: 0 }), { instanceOf: TypeError, message: /maxRange/ });
  t.throws(() => serverLimits({ writeStallMs: 2 ** 31 }), { instanceOf: TypeError, message: /writeStallMs/ });
  t.throws(() => serverLimits({ heartbeatMs: Infinity }), { instanceOf: TypeError, message: /heartbeatMs/ });
  t.throws(() => serverLimits({ maxBlobs: 1 } as never), { instanceOf: TypeError, message: /maxBlobs/ });
});
