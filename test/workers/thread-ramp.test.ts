import test from 'ava';
import type { TileEntry } from '../../src/contracts/index.js';
import { ThreadRamp } from '../../src/workers/thread-ramp.js';

const MIB = 1024 * 1024;
const tile = (blocks: number, documentBytes: number): TileEntry => ({
  from: 0,
  to: blocks - 1,
  hash: 'a',
  documentBytes,
  bytes: 1,
  digest: null,
});

test('Threads are allowed one after the other, as more comes, and never more than the most', (t) => {
  const ramp = new ThreadRamp({ most: 3 });
  const seen: number[] = [];
  for (let at = 0; at < 60; at++) {
    ramp.add(tile(40, 4 * MIB));
    seen.push(ramp.threads);
  }
  t.is(seen.indexOf(1), 15, 'after 64 MiB');
  t.is(seen.indexOf(2), 23, 'after 96 MiB');
  t.is(seen.indexOf(3), 31, 'after 128 MiB');
  t.is(seen.at(-1), 3);
});

test('Small blocks count for more than their bytes', (t) => {
  const ramp = new ThreadRamp({ most: 1 });
  let blocks = 0;
  for (; ramp.threads === 0; blocks += 1024) ramp.add(tile(1024, 1024 * 100));
  t.is(blocks, 41 * 1024);
});

test('After a time without tiles it begins anew', (t) => {
  let now = 0;
  const ramp = new ThreadRamp({ most: 1, now: () => now });
  ramp.add(tile(1, 100 * MIB));
  t.is(ramp.threads, 1);
  now += 9_000;
  ramp.add(tile(1, 1));
  t.is(ramp.threads, 1);
  now += 11_000;
  ramp.add(tile(1, 1));
  t.is(ramp.threads, 0);
});
