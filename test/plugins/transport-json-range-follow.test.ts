import { type Clock, install } from '@sinonjs/fake-timers';
import test, { type ExecutionContext } from 'ava';
import { Pace } from '../../plugins/transport-json-range/client/pace.js';
import type { PeerStatus, WireItem } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';
import {
  describe,
  type Handler,
  run,
  serveRanges,
  streamRequest,
  transport,
} from './transport-json-range-support.js';

const { signal } = new AbortController();
const cut = (): SyncError => new SyncError('PEER_ERROR', 'The line was cut.');
const waits = (maxWaitMs: number | null): PeerStatus => ({ maxWaitMs }) as PeerStatus;

function fakeClock(t: ExecutionContext): Clock {
  const clock = install({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  t.teardown(() => {
    clock.uninstall();
  });
  return clock;
}

/** How long the next request may not begin, once one was answered after so long. */
async function pauseOf(clock: Clock, pace: Pace, hasBrought: boolean, afterMs = 0): Promise<number> {
  clock.tick(afterMs);
  const answeredMs = clock.now;
  const next = pace.answered(hasBrought, signal);
  await clock.runAllAsync();
  await next;
  return clock.now - answeredMs;
}

test.serial('a peer waits as long as it says, and no longer than proxies let it', (t) => {
  for (const [maxWaitMs, seconds] of [
    [null, 0],
    [1, 1],
    [7_000, 7],
    [25_000, 25],
    [Number.MAX_SAFE_INTEGER, 25],
  ] as const)
    t.is(new Pace(waits(maxWaitMs)).begin(), seconds, String(maxWaitMs));
  t.is(new Pace(null).begin(), 0);
});

test.serial(
  'a peer that brings nothing is asked once a second at most, and one that brings blocks at once',
  async (t) => {
    const clock = fakeClock(t);
    for (const maxWaitMs of [null, 20_000]) {
      const pace = new Pace(waits(maxWaitMs));
      for (const [hasBrought, afterMs, pauseMs] of [
        [false, 0, 1_000],
        [false, 400, 600],
        [false, 1_000, 0],
        [true, 0, 0],
        [false, 0, 1_000],
      ] as const) {
        pace.begin();
        t.is(await pauseOf(clock, pace, hasBrought, afterMs), pauseMs);
      }
    }
  },
);

test.serial(
  'each wait that is cut is followed by an answer at once, and then by waits half as long',
  async (t) => {
    const clock = fakeClock(t);
    const pace = new Pace(waits(25_000));
    for (const seconds of [25, 10, 5, 2, 1]) {
      t.is(pace.begin(), seconds);
      // The first one was cut after 20 seconds, on whatever it was called off by.
      clock.tick(Math.min(seconds, 20) * 1_000);
      t.true(pace.cut(cut()));
      t.is(pace.begin(), 0);
      clock.tick(2_000);
      t.false(pace.cut(cut()), 'what is not waited for has failed');
      await pauseOf(clock, pace, false);
    }
    t.is(pace.begin(), 0, 'nothing is left to be cut');
  },
);

test.serial('what fails at once, or for good, is no wait that was cut', (t) => {
  const clock = fakeClock(t);
  const pace = new Pace(waits(25_000));
  pace.begin();
  clock.tick(999);
  t.false(pace.cut(cut()));
  clock.tick(10_000);
  t.false(pace.cut(new SyncError('FORKED', 'The peer is on another branch.')));
  t.false(pace.cut(new TypeError('a fault')));
  t.is(pace.begin(), 25);
});

test('a peer that holds an answer as it was asked to is neither late nor asked twice', async (t) => {
  const source = new MemorySource(sealedChain(3));
  let polls = 0;
  let open = 0;
  let mostOpen = 0;
  const wrap =
    (handler: Handler): Handler =>
    (req, res) => {
      if (req.url?.includes('wait=') === true) {
        polls += 1;
        mostOpen = Math.max(mostOpen, (open += 1));
        res.once('finish', () => (open -= 1));
      }
      handler(req, res);
    };
  const { peer } = await serveRanges(t, source, { limits: { maxWaitMs: 2_000 }, wrap });
  const bounds = { connectTimeoutMs: 100, firstByteTimeoutMs: 1_500 };
  const client = transport({ hedgeAfterMs: 1_500 }, bounds);
  const stop = new AbortController();
  const request = streamRequest(peer, { follow: true, describe });
  await client.status(peer, stop);
  const items: WireItem[] = [];
  const followed = run(client.open(request, stop)).then((outcome) => {
    items.push(...outcome.items);
    return outcome.error?.code;
  });
  await until(() => polls === 2);
  t.is(mostOpen, 1);
  stop.abort();
  t.is(await followed, 'ABORTED');
  t.is(items.length, 4);
});
