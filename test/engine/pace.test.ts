import test from 'ava';
import { concatMap, filter, type Observable } from 'rxjs';
import { createSyncEngine, type SyncEngine, type SyncEvent } from '../../src/index.js';
import { Pace } from '../../src/engine/events/pace.js';
import { standsStill } from '../helpers/waiting.js';
import { serveChain, sourceChain } from './follow-support.js';

const COUNT = 6000;

type BlockEvent = Extract<SyncEvent, { readonly type: 'block' }>;

const blocksOf = (events: Observable<SyncEvent>): Observable<BlockEvent> =>
  events.pipe(filter((event): event is BlockEvent => event.type === 'block'));

const headOf = ({ chain }: SyncEngine): number => chain?.tip().head?.height ?? -1;

async function engineFor(t: Parameters<typeof sourceChain>[0]): Promise<SyncEngine> {
  const { url } = await serveChain(t, await sourceChain(t, COUNT));
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' } });
  t.teardown(() => engine.close());
  return engine;
}

test('a subscriber that loads every block and is slow is waited for, and has them all in order', async (t) => {
  const engine = await engineFor(t);
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const heights: number[] = [];
  const all = new Promise<void>((resolve) => {
    blocksOf(engine.events)
      .pipe(
        concatMap(async (event) => {
          heights.push((await event.block()).height);
          if (heights.length === 100) await gate;
          if (heights.length === COUNT) resolve();
        }),
      )
      .subscribe();
  });
  const sync = engine.start();
  const head = await standsStill(() => headOf(engine));
  t.true(head > 2048 && head < COUNT - 1, `it stands at ${head}`);
  open();
  await sync;
  await all;
  t.deepEqual(heights, [...Array(COUNT).keys()]);
});

test('a subscriber that goes away is no longer waited for, and closing does not wait for one', async (t) => {
  const engine = await engineFor(t);
  const hang = (): ReturnType<Observable<BlockEvent>['subscribe']> =>
    blocksOf(engine.events)
      .pipe(
        concatMap(async (event) => {
          await event.block();
          await new Promise(() => undefined);
        }),
      )
      .subscribe();
  const first = hang();
  const sync = engine.start();
  t.true((await standsStill(() => headOf(engine))) < COUNT - 1);
  first.unsubscribe();
  await sync;
  t.is(engine.chain?.tip().head?.height, COUNT - 1);
  const other = await engineFor(t);
  blocksOf(other.events)
    .pipe(concatMap(async (event) => event.block().then(() => new Promise(() => undefined))))
    .subscribe();
  const held = other.start();
  await standsStill(() => headOf(other));
  await other.close();
  // What was received before is made durable, and may have been everything.
  await held.catch((error: unknown) => {
    t.like(error, { code: 'ABORTED' });
  });
});

test('one that loads some blocks, or none, is never waited for', async (t) => {
  const engine = await engineFor(t);
  let seen = 0;
  blocksOf(engine.events).subscribe(() => seen++);
  let loaded = 0;
  blocksOf(engine.events)
    .pipe(
      filter(({ header }) => header.height % 3000 === 1),
      concatMap((event) => event.block()),
    )
    .subscribe(() => loaded++);
  await engine.start();
  t.is(seen, COUNT);
  t.is(loaded, 2);
});

test('a subscriber is behind from 2,048 blocks on, for 30 seconds after its last load', (t) => {
  let now = 0;
  const pace = new Pace(
    () => now,
    () => undefined,
  );
  pace.load(pace.give());
  for (let i = 0; i < 2048; i++) pace.give();
  t.is(pace.behindMs, 0);
  pace.give();
  t.is(pace.behindMs, 30_000);
  now = 29_000;
  t.is(pace.behindMs, 1000);
  now = 31_000;
  t.is(pace.behindMs, 0);
  pace.load(2);
  t.is(pace.behindMs, 0);
  pace.give();
  t.is(pace.behindMs, 30_000);
  pace.load(4);
  pace.give();
  t.is(pace.behindMs, 0);
});
