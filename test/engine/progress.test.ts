import { install } from '@sinonjs/fake-timers';
import test from 'ava';
import { EventHub } from '../../src/engine/events/event-hub.js';
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

test('looking at the figures in between changes none that are told later', (t) => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  const watched = new ProgressMeter(() => now);
  for (now = 100; now <= 5000; now += 100) {
    for (const each of [meter, watched]) each.add(now / 100, now, now);
    watched.present();
    if (now % 1000 === 0) t.deepEqual(watched.sample(), meter.sample());
  }
});

test('a rate that nothing adds to fades when somebody looks, without a sample', (t) => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  now = 1000;
  meter.add(100, 1000, 99);
  meter.sample();
  now = 4000;
  t.like(meter.present(), { blocks: 100, blocksPerSecond: 50, bytesPerSecond: 500 });
  t.like(meter.current(), { blocksPerSecond: 100, bytesPerSecond: 1000 });
});

test('what is durable is told at last, also when it came right behind what was told', (t) => {
  const clock = install({ toFake: ['setTimeout', 'clearTimeout'] });
  t.teardown(() => {
    clock.uninstall();
  });
  const told: number[] = [];
  const hub = new EventHub(
    () => clock.now,
    (event) => {
      if (event.type === 'progress') told.push(event.blocks);
    },
  );
  const meter = new ProgressMeter(() => clock.now);
  for (let block = 0; block < 3; block++) {
    meter.add(1, 100, block);
    hub.progress(() => meter.sample());
  }
  t.deepEqual(told, [1]);
  t.is(hub.state.progress.blocks, 1);
  clock.tick(249);
  t.deepEqual(told, [1]);
  clock.tick(1);
  t.deepEqual(told, [1, 3]);
  t.is(hub.state.progress.blocks, 3);
  clock.tick(10_000);
  t.deepEqual(told, [1, 3], 'nothing more is told of what stands');
  meter.add(1, 100, 3);
  hub.progress(() => meter.sample());
  meter.add(1, 100, 4);
  hub.progress(() => meter.sample());
  hub.complete();
  t.is(clock.countTimers(), 0, 'a hub that has ended leaves no timer');
});
