import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { BlockRef, ChainChange, Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createSyncEngine, openChain } from '../../src/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { ONLY_READS } from '../helpers/postgres-fixture.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();
const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);

/** A reader whose role may do nothing but read. */
async function reader(t: ExecutionContext, name: string): Promise<Storage> {
  await postgres.query(ONLY_READS);
  const url = postgres.server().url.replace('postgres@', 'only_reads@');
  return postgres.opened(t, name, { url, role: 'reader' });
}

/** The blocks of a store as its changes say; fails when one does not fit on those before, or does not show yet. */
function followed(t: ExecutionContext, store: Storage): { readonly refs: BlockRef[]; stop(): void } {
  const refs: BlockRef[] = [];
  const apply = (change: ChainChange | null): void => {
    if (change === null) return;
    if (change.kind === 'rollback') {
      refs.length = refs.findIndex(({ height }) => height === change.to.height) + 1;
      t.deepEqual(refs.at(-1), { height: change.to.height, hash: change.to.hash });
    } else for (const frame of change.frames) add(frame);
    t.deepEqual(store.checkpoint().head, refs.at(-1) ?? null);
  };
  const add = ({ header: { height, hash, previousHash } }: Frame): void => {
    const last = refs.at(-1);
    if (last !== undefined) t.deepEqual({ height: height - 1, hash: previousHash }, last);
    refs.push({ height, hash });
  };
  return { refs, stop: store.watch?.(apply) ?? (() => undefined) };
}

async function heights(source: Pick<Storage, 'read'>): Promise<readonly BlockRef[]> {
  const refs: BlockRef[] = [];
  for await (const frames of source.read({ from: 0, to: 100_000 })) refs.push(...frames.map(refOf));
  return refs;
}

const isAt = (store: Storage, ref: BlockRef) => (): boolean => store.checkpoint().head?.hash === ref.hash;

postgres.test('The state of a reader is that of the block that it shows, and its marks move', async (t) => {
  const writer = await postgres.opened(t, 'state');
  const store = await reader(t, 'state');
  const seen: (string | undefined)[] = [];
  const reads: Promise<unknown>[] = [];
  store.watch?.((change) => {
    if (change?.kind === 'extend')
      reads.push(store.getState('accounts', 'a').then((value) => seen.push(value?.toString())));
  });
  const frames = fixtureFrames(4, { bytes: 1_500_000 });
  await writer.commit(
    fixtureBatch(
      frames,
      frames.map((_, height) => [account('a', `${height}`)]),
    ),
  );
  await until(isAt(store, at(frames, 3)));
  await Promise.all(reads);
  t.deepEqual(seen, ['0', '1', '2', '3']);
  await writer.advance({ confirmed: at(frames, 2), finalized: at(frames, 1) });
  await until(() => store.checkpoint().finalized?.height === 1 && store.checkpoint().confirmed?.height === 2);
  const after = await store.stateAfter(at(frames, 1));
  t.is((await after.getState('accounts', 'a'))?.toString(), '1');
});

postgres.test(
  'A reader keeps the position of a consumer where its role may write it, and reads those of others',
  async (t) => {
    const writer = await postgres.opened(t, 'only');
    const frames = fixtureFrames(2);
    await writer.commit(fixtureBatch(frames));
    await writer.setCursor('one', at(frames, 0));
    const store = await reader(t, 'only');
    t.deepEqual(await store.cursor('one'), at(frames, 0));
    const allowed = await postgres.opened(t, 'only', { role: 'reader' });
    await allowed.setCursor('two', at(frames, 1));
    t.deepEqual(await store.cursor('two'), at(frames, 1));
  },
);

postgres.test(
  'A reader whose notifications were cut, and whose server was away, goes on with what has changed',
  async (t) => {
    const writer = await postgres.opened(t, 'polled');
    const store = await reader(t, 'polled');
    const { refs } = followed(t, store);
    await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`);
    const frames = fixtureFrames(3);
    await writer.commit(fixtureBatch(frames));
    await until(isAt(store, at(frames, 2)));
    postgres.server().kill();
    await postgres.server().restart();
    const more = fixtureFrames(3, { on: at(frames, 2) });
    await writer.commit(fixtureBatch(more));
    await until(isAt(store, at(more, 2)));
    t.deepEqual(refs, [...frames, ...more].map(refOf));
  },
);

postgres.test(
  'A reader whose store went back in a failover tells a rollback, and nothing of it is damage',
  async (t) => {
    const writer = await postgres.opened(t, 'back', { leaseMs: 60_000 });
    const frames = fixtureFrames(6);
    for (const frame of frames) await writer.commit(fixtureBatch([frame]));
    const store = await reader(t, 'back');
    const { refs } = followed(t, store);
    refs.push(...frames.map(refOf));
    await postgres.query(`select 1`);
    const more = fixtureFrames(1, { on: at(frames, 5) });
    await writer.commit(fixtureBatch(more));
    await until(isAt(store, at(more, 0)));
    const view = await store.view();
    // What a standby that lacked the last four writes would be: of an asynchronous one, that is.
    const { height, hash } = at(frames, 2);
    await postgres.query(`with s as (select id, version - 4 as v from blockferry.store where name = 'back'),
    b as (delete from blockferry.blocks using s where store = s.id and born > s.v)
    update blockferry.store set version = s.v, owner = null, lease_until = null,
      checkpoint = '${JSON.stringify({ ...writer.checkpoint(), head: { height, hash }, confirmed: null })}'
    from s where store.id = s.id`);
    t.true(
      isSyncError(
        await t.throwsAsync(() => writer.advance({ confirmed: null, finalized: null })),
        'STORE_LOCKED',
      ),
    );
    const next = await postgres.opened(t, 'back');
    const other = fixtureFrames(2, { on: at(frames, 2), branch: 'other' });
    for (const frame of other) await next.commit(fixtureBatch([frame]));
    await until(isAt(store, at(other, 1)));
    t.deepEqual(refs, [...frames.slice(0, 3), ...other].map(refOf));
    t.true(isSyncError(await t.throwsAsync(() => heights(view)), 'STORE_CLOSED'));
  },
);

postgres.test(
  'Followers of a server on a reader get the blocks and forks of another process live, without gap or repeat',
  async (t) => {
    const { url, durability } = postgres.server();
    const storage = { use: 'postgres', url, store: 'fleet', durability } as const;
    const writer = await openChain({ storage });
    t.teardown(() => writer.close());
    const documents = sealedChain(40);
    await writer.append(documents.slice(0, 20));
    const readers = await Promise.all(
      [1, 2].map(() => openChain({ storage: { ...storage, role: 'reader' } })),
    );
    const engines = await Promise.all(
      readers.map(async (chain) => {
        t.teardown(() => chain.close());
        const origin = await serveSource(t, chain);
        const engine = createSyncEngine({
          peers: [`${origin}/sync`],
          storage: { use: 'memory' },
          follow: true,
        });
        t.teardown(() => engine.close());
        engine.start().catch(() => undefined);
        return engine;
      }),
    );
    const all = (hash: string | undefined) => (): boolean =>
      engines.every((engine) => engine.state.checkpoint?.head?.hash === hash);
    await until(all(writer.tip().head?.hash));
    for (const document of documents.slice(20, 30)) await writer.append([document]);
    await until(all(writer.tip().head?.hash));
    const to = await writer.header(24);
    if (to === null) throw new Error('There is no block 24.');
    await writer.rollback({ height: to.height, hash: to.hash });
    await writer.append(documents.slice(25, 40));
    await until(all(writer.tip().head?.hash));
    for (const chain of readers) t.deepEqual(chain.tip().head, writer.tip().head);
    await t.throwsAsync(() => (readers[0] as (typeof readers)[number]).append(documents.slice(0, 1)), {
      message: /./,
    });
  },
);

postgres.test(
  'A reader that is closed while it begins to listen ends, whenever that is',
  async (t) => {
    const writer = await postgres.opened(t, 'brief');
    await writer.commit(fixtureBatch(fixtureFrames(2)));
    await (await reader(t, 'brief')).close();
    for (let round = 0; round < 30; round++) {
      const store = await postgres.opened(t, 'brief', { role: 'reader' });
      await delay(round % 15);
      await store.close();
    }
    await writer.close();
    // A server learns a little later that a connection was ended.
    await until(async () => (await connections()) === 0);
    t.is(await connections(), 0);
  },
  ['pooler'],
);

async function connections(): Promise<number> {
  const rows = await postgres.query(`select pid from pg_stat_activity where application_name = 'blockferry'`);
  return rows.length;
}
