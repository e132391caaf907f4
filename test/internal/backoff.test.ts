import test from 'ava';
import { DEFAULT_RETRY } from '../../src/engine/backoff.js';
import { backoffDelayMs, doublingMs } from '../../src/internal/backoff.js';

test('delays double up to the cap, with full jitter, and respect what the peer asks for', (t) => {
  const highest = [1, 2, 3, 4, 5, 6, 7, 40].map((failures) =>
    backoffDelayMs(DEFAULT_RETRY, failures, null, () => 1),
  );
  t.deepEqual(highest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  t.is(
    backoffDelayMs(DEFAULT_RETRY, 5, null, () => 0),
    0,
  );
  t.is(
    backoffDelayMs(DEFAULT_RETRY, 1, 7000, () => 0.5),
    7000,
  );
});

test('a time that doubles has no jitter and stays within its bound', (t) => {
  const bounds = { baseDelayMs: 5000, maxDelayMs: 60_000 };
  const times = [1, 2, 3, 4, 5, 2000].map((failures) => doublingMs(bounds, failures));
  t.deepEqual(times, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test('a base of 0 never waits, however often it failed, but for what the peer asks', (t) => {
  const bounds = { baseDelayMs: 0, maxDelayMs: 30_000 };
  for (const failures of [1, 31, 2000]) {
    t.is(backoffDelayMs(bounds, failures, null), 0);
    t.is(backoffDelayMs(bounds, failures, 250), 250);
  }
});
