import test from 'ava';
import { ProgressMeter } from '../../src/engine/events/progress.js';

test('rates and the estimated time follow what was made durable', (t) => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  meter.place(null, 999);
  t.is(meter.sample().etaMs, null, 'nothing is known before the first block');
  now = 1000;
  meter.add(100, 50_000, 99);
  const progress = meter.sample();
  t.is(progress.height, 99);
  t.is(progress.blocks, 100);
  t.is(progress.blocksPerSecond, 100);
  t.is(progress.bytesPerSecond, 50_000);
  t.is(progress.etaMs, 9000);
});

test('an old rate fades by half every three seconds', (t) => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  now = 1000;
  meter.add(100, 0, 99);
  meter.sample();
  now = 4000;
  t.is(meter.sample().blocksPerSecond, 50);
});

test('the head moves up with blocks beyond it, and the time left is then none', (t) => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  meter.place(9, 10);
  now = 10;
  meter.add(5, 5, 14);
  t.like(meter.sample(), { head: 14, etaMs: 0 });
});
