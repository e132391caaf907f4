import type { BlockRef, Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { documentFrames, fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { replaceBlocks } from '../helpers/storage-stage.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();
const SOON = { retainMs: 1 };

const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);

async function rows(table: string, store: string, where = 'true'): Promise<number> {
  const sql = `select count(*)::int as count from blockferry.${table} t join blockferry.store s on s.id = t.store
    where s.name = '${store}' and ${where}`;
  const [row] = await postgres.query<{ readonly count: number }>(sql);
  return row?.count ?? 0;
}

async function heights(source: Pick<Storage, 'read'>): Promise<readonly string[]> {
  const hashes: string[] = [];
  for await (const frames of source.read({ from: 0, to: 1_000 }))
    hashes.push(...frames.map((one) => one.header.hash));
  return hashes;
}

postgres.test(
  'Blocks that were dropped are removed, with the parts of large ones, and those that stay are not',
  async (t) => {
    const store = await postgres.opened(t, 'dropped', SOON);
    const kept = fixtureFrames(3);
    const large = fixtureFrames(20, { on: at(kept, 2), branch: 'large', bytes: 2_500_000 });
    await store.commit(fixtureBatch(kept));
    await store.commit(fixtureBatch(large));
    t.is(await rows('parts', 'dropped'), 40);
    await store.rollback(at(kept, 2));
    const next = fixtureFrames(700, { on: at(kept, 2), branch: 'next' });
    await store.commit(fixtureBatch(next));
    await store.rollback(at(next, 9));
    await until(async () => (await rows('blocks', 'dropped')) === 13);
    t.is(await rows('parts', 'dropped'), 0);
    t.deepEqual(
      await heights(store),
      [...kept, ...next.slice(0, 10)].map(({ header }) => header.hash),
    );
  },
);

postgres.test('A view keeps its blocks from being removed until it is closed', async (t) => {
  const store = await postgres.opened(t, 'viewed', SOON);
  const first = fixtureFrames(4);
  await store.commit(fixtureBatch(first));
  const view = await store.view();
  await store.rollback(at(first, 0));
  await store.commit(fixtureBatch(fixtureFrames(2, { on: at(first, 0), branch: 'other' })));
  const later = await store.view();
  // The same without a view, begun later: by then the purge has had its turn.
  const control = await postgres.opened(t, 'control', SOON);
  await control.commit(fixtureBatch(first));
  await control.rollback(at(first, 0));
  await until(async () => (await rows('blocks', 'control')) === 1);
  t.deepEqual(
    await heights(view),
    first.map(({ header }) => header.hash),
  );
  t.is(await rows('blocks', 'viewed'), 6);
  await view.close();
  await store.rollback(at(first, 0));
  await until(async () => (await rows('blocks', 'viewed')) === 3);
  t.is((await heights(later)).length, 3);
  await later.close();
  await until(async () => (await rows('blocks', 'viewed')) === 1);
});

postgres.test(
  'Values that a final block replaced are removed, also keys that are not set; the state stays as it was',
  async (t) => {
    const store = await postgres.opened(t, 'values', SOON);
    const frames = fixtureFrames(6);
    const put = (key: string, value: string | null) =>
      ({ table: 'accounts', key, value: value === null ? null : Buffer.from(value) }) as const;
    const changes = [
      [put('a', 'a0'), put('b', 'b0'), put('', 'empty')],
      [put('a', 'a1')],
      [put('b', null), put('a', 'a2')],
      [put('a', 'a3')],
      [put('b', 'b4'), put('a', null)],
      [put('a', 'a5')],
    ];
    const blocks = frames.map((frame, at) => ({ frame, changes: changes[at] ?? [] }));
    await store.commit({ ...fixtureBatch(frames), blocks });
    const final = at(frames, 3);
    await store.advance({ confirmed: final, finalized: final });
    t.is(await rows('state', 'values'), 10);
    // Of the final blocks only a3 and the empty key are left; b is not set, and above there are b4, the note of a, and a5.
    await until(async () => (await rows('state', 'values')) === 5);
    const text = async (reader: Pick<Storage, 'getState'>, key: string) =>
      ((await reader.getState('accounts', key)) ?? null)?.toString() ?? null;
    const after = await store.stateAfter(final);
    t.deepEqual(await Promise.all(['a', 'b', ''].map((key) => text(after, key))), ['a3', null, 'empty']);
    t.deepEqual(await Promise.all(['a', 'b', ''].map((key) => text(store, key))), ['a5', 'b4', 'empty']);
    await store.rollback(final);
    await until(async () => (await rows('state', 'values')) === 2);
    t.deepEqual(await Promise.all(['a', 'b', ''].map((key) => text(store, key))), ['a3', null, 'empty']);
  },
);

postgres.test(
  'Older contents and what was staged and not activated are removed, and what is being staged is not',
  async (t) => {
    const store = await postgres.opened(t, 'staged', SOON);
    await store.commit(fixtureBatch(fixtureFrames(1500)));
    const left = await store.stage();
    await left.putBlocks(fixtureFrames(5));
    await left.close();
    await replaceBlocks(store, fixtureFrames(3, { branch: 'new' }));
    const open = await store.stage();
    await open.putBlocks(fixtureFrames(7));
    await until(async () => (await rows('blocks', 'staged')) === 10);
    t.is((await heights(store)).length, 3);
    await open.activate({
      identity: { chain: 'made-up', chainId: 'two' },
      head: at(fixtureFrames(7), 6),
    });
    await until(async () => (await rows('blocks', 'staged')) === 7);
    t.is((await heights(store)).length, 7);
  },
);

postgres.test(
  'Opening a store that is open changes nothing, and no connection is left when it is closed',
  async (t) => {
    const store = postgres.store('twice');
    await Promise.all([store.open(), store.open()]);
    await store.open();
    await store.commit(fixtureBatch(fixtureFrames(2)));
    await store.close();
    const left = `select count(*)::int as count from pg_stat_activity where application_name = 'blockferry'`;
    const count = async (): Promise<number> => (await postgres.query<{ count: number }>(left))[0]?.count ?? 0;
    await until(async () => (await count()) === 0);
    await store.open();
    t.is(store.checkpoint().head?.height, 1);
    await store.close();
    t.true(
      isSyncError(
        t.throws(() => store.checkpoint()),
        'STORE_CLOSED',
      ),
    );
  },
  ['pooler'],
);

postgres.test(
  'The rows of blocks that were pruned are removed, tiles with their bodies, and a reader sees the base',
  async (t) => {
    const store = await postgres.opened(t, 'pruned', SOON);
    const blocks = documentFrames(Array.from({ length: 2300 }, () => ({ bytes: 100 })));
    await store.commit(fixtureBatch(blocks));
    await store.advance({ confirmed: at(blocks, 2299), finalized: null });
    await store.tiles?.settle(1500);
    t.is(await rows('tiles', 'pruned'), 1);
    const reader = await postgres.opened(t, 'pruned', { role: 'reader' });
    await store.prune?.(at(blocks, 2048));
    await until(async () => (await rows('blocks', 'pruned')) === 252);
    await until(async () => (await rows('tiles', 'pruned')) === 0);
    t.is(await rows('tile_parts', 'pruned'), 0);
    await until(() => reader.checkpoint().base === 2048);
    for (const each of [store, reader])
      t.deepEqual(
        await heights({ read: () => each.read({ from: 0, to: 5_000 }) }),
        blocks.slice(2048).map(({ header }) => header.hash),
      );
  },
);
