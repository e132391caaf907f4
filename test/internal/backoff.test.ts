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
});

test('what a peer asks for is waited at least, and up to a quarter or a second longer', (t) => {
  const asked = [100, 2000, 7000, 60_000].map((ms) =>
    [0, 1].map((chance) => backoffDelayMs(DEFAULT_RETRY, 1, ms, () => chance)),
  );
  t.deepEqual(asked, [
    [100, 1100],
    [2000, 3000],
    [7000, 8750],
    [60_000, 75_000],
  ]);
  // Their own wait counts where it is longer.
  t.is(
    backoffDelayMs(DEFAULT_RETRY, 5, 100, () => 1),
    16_000,
  );
});

test('clients that are sent away together come back over a second', (t) => {
  const delays = Array.from({ length: 60 }, () => backoffDelayMs(DEFAULT_RETRY, 1, 2000));
  const quarters = new Set(delays.map((ms) => Math.floor(ms / 250)));
  t.true(quarters.size >= 4, delays.join());
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
    t.is(
      backoffDelayMs(bounds, failures, 250, () => 0),
      250,
    );
  }
});
