import { randomBytes } from 'node:crypto';
import { createPostgresStore } from '../../plugins/storage-postgres/index.js';
import type { BlockRef, Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createSyncEngine, openChain } from '../../src/index.js';
import { documentFrames, type DocumentKind, fixtureBatch, refOf } from '../../src/testing/fixture-frames.js';
import { documentOf, tileOf } from '../../src/testing/fixture-tiles.js';
import { cuttingProxy } from '../helpers/cutting-proxy.js';
import { ONLY_READS } from '../helpers/postgres-fixture.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { serveSource } from '../helpers/servers.js';
import { tiledDocuments } from '../helpers/tiled-chain.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();
const SOON = { retainMs: 1 };
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

const huge: DocumentKind = { bytes: 1.5 * 1024 * 1024 };
const small: DocumentKind = { bytes: 900 };
/** Cut into 0–1, 2–3, 4–5 and 6–7; 8 is undecided. */
const frames = documentFrames([huge, small, huge, huge, huge, small, huge, huge, small]);
const at = (height: number): BlockRef => refOf(frames[height] as Frame);

async function rows(table: string, store: string): Promise<number> {
  const sql = `select count(*)::int as count from blockferry.${table} t join blockferry.store s on s.id = t.store
    where s.name = '${store}'`;
  const [row] = await postgres.query<{ readonly count: number }>(sql);
  return row?.count ?? 0;
}

async function documentsOf(source: Pick<Storage, 'read'>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const batch of source.read(ALL))
    found.push(...batch.map((frame) => documentOf(frame).toString('latin1')));
  return found;
}

const wanted = (blocks: readonly Frame[]): readonly string[] =>
  blocks.map((frame) => documentOf(frame).toString('latin1'));

async function rangesOf(store: Storage): Promise<readonly string[]> {
  return ((await store.tiles?.list(ALL)) ?? []).map(({ from, to }) => `${from}-${to}`);
}

postgres.test(
  'Blocks that became tiles are removed once no view reads them, and are read from the tiles from then on',
  async (t) => {
    const store = await postgres.opened(t, 'swept', SOON);
    await store.commit(fixtureBatch(frames));
    const view = await store.view();
    await store.tiles?.settle(8);
    t.deepEqual(await rangesOf(store), ['0-1', '2-3', '4-5', '6-7']);
    // The same without a view, begun later: by then the purge has had its turn.
    const control = await postgres.opened(t, 'swept-control', SOON);
    await control.commit(fixtureBatch(frames));
    await control.tiles?.settle(8);
    await until(async () => (await rows('blocks', 'swept-control')) === 1);
    t.is(await rows('parts', 'swept-control'), 0);
    t.is(await rows('blocks', 'swept'), frames.length);
    t.deepEqual(await documentsOf(view), wanted(frames));
    await view.close();
    await until(async () => (await rows('blocks', 'swept')) === 1);
    t.deepEqual(await documentsOf(store), wanted(frames));
    for (const { header } of frames) {
      t.deepEqual(await store.header(header.height), header);
      t.true(
        documentOf((await store.get(header.height)) as Frame).equals(
          documentOf(frames[header.height] as Frame),
        ),
      );
    }
  },
);

postgres.test(
  'A rollback into a tile whose blocks were removed makes them anew, and tiles that were dropped are removed',
  async (t) => {
    const store = await postgres.opened(t, 'restored', SOON);
    await store.commit(fixtureBatch(frames));
    await store.tiles?.settle(8);
    await until(async () => (await rows('blocks', 'restored')) === 1);
    const view = await store.view();
    await store.rollback(at(4));
    t.deepEqual(await rangesOf(store), ['0-1', '2-3']);
    t.deepEqual(await documentsOf(store), wanted(frames.slice(0, 5)));
    t.deepEqual(await documentsOf(view), wanted(frames));
    await view.close();
    await until(async () => (await rows('tiles', 'restored')) === 2);
    await until(async () => (await rows('blocks', 'restored')) === 1);
    const branch = documentFrames([huge, small, huge], { on: at(4), branch: 'other' });
    await store.commit(fixtureBatch(branch));
    await store.tiles?.settle(7);
    t.deepEqual(await rangesOf(store), ['0-1', '2-3', '4-5', '6-7']);
    await until(async () => (await rows('blocks', 'restored')) === 0);
    t.deepEqual(await documentsOf(store), wanted([...frames.slice(0, 5), ...branch]));
  },
);

postgres.test(
  'A rollback between the making of a tile and the removal of its blocks shows each block once',
  async (t) => {
    const store = await postgres.opened(t, 'unswept');
    await store.commit(fixtureBatch(frames));
    await store.tiles?.settle(8);
    t.is(await rows('blocks', 'unswept'), frames.length);
    await store.rollback(at(2));
    t.deepEqual(await documentsOf(store), wanted(frames.slice(0, 3)));
    await store.rollback(at(0));
    t.deepEqual(await documentsOf(store), wanted(frames.slice(0, 1)));
  },
);

postgres.test(
  'A store that is closed while a tile is to be made does not wait for a server that is away',
  async (t) => {
    const proxy = await cuttingProxy(postgres.server().port);
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    // Longer than a test may take.
    const store = await postgres.opened(t, 'away', { url, outageMs: 3_600_000 });
    await store.commit(fixtureBatch(frames));
    await proxy.close();
    const made = t.throwsAsync(async () => store.tiles?.settle(8));
    await store.close();
    t.true(isSyncError(await made, 'STORE_UNAVAILABLE'));
  },
);

postgres.test(
  'A body is in rows of 1 MiB at most, and a tile that comes whole leaves no blocks',
  async (t) => {
    const store = await postgres.opened(t, 'whole', SOON);
    const bytes = randomBytes(3 * 1024 * 1024);
    const noise = documentFrames([huge]).map((frame) => ({
      ...frame,
      bytes,
      documentBytes: bytes.byteLength,
    }));
    const tile = tileOf(noise);
    t.true(tile.bytes > 1024 * 1024);
    await store.commit({ ...fixtureBatch(noise), tiles: [tile] });
    t.is(await rows('blocks', 'whole'), 0);
    const [largest] = await postgres.query<{ readonly bytes: number }>(
      'select max(octet_length(bytes)) as bytes from blockferry.tile_parts',
    );
    t.is(largest?.bytes, 1024 * 1024);
    t.deepEqual(await documentsOf(store), wanted(noise));
  },
);

postgres.test(
  'A server on a reader that may only select serves the tiles, and a client syncs by them',
  async (t) => {
    const documents = tiledDocuments(300);
    const options = { url: postgres.server().url, store: 'served', durability: 'primary' } as const;
    const writer = await openChain({
      storage: { use: 'postgres', ...options, ...SOON },
      finality: { depth: 0 },
    });
    t.teardown(() => writer.close());
    await writer.append(documents);
    await writer.tilesMade();
    await postgres.query(ONLY_READS);
    const url = options.url.replace('postgres@', 'only_reads@');
    const reader = await openChain({ storage: { use: 'postgres', ...options, url, role: 'reader' } });
    t.teardown(() => reader.close());
    const peer = await serveSource(t, reader);
    const engine = createSyncEngine({ peers: [peer], storage: { use: 'memory' }, mode: 'auto' });
    t.teardown(() => engine.close());
    const modes = new Set<string | null>();
    engine.states.subscribe(({ mode }) => modes.add(mode));
    await engine.start();
    t.is(engine.state.checkpoint?.head?.hash, writer.tip().head?.hash);
    t.true(modes.has('tiles'));
  },
);

postgres.test(
  'A store of the form without tiles is STORE_VERSION until the tables are made again, and is then as it was',
  async (t) => {
    const store = postgres.store('older');
    await store.open();
    await store.commit(fixtureBatch(frames));
    await store.close();
    await postgres.query(`update blockferry.store set format = 1 where name = 'older'`);
    const error = await t.throwsAsync(() => postgres.store('older').open());
    t.true(isSyncError(error, 'STORE_VERSION'));
    t.regex(String(error), /createPostgresStore/);
    await createPostgresStore({ url: postgres.server().url });
    const again = await postgres.opened(t, 'older');
    t.deepEqual(await documentsOf(again), wanted(frames));
    await again.tiles?.settle(8);
    t.deepEqual(await rangesOf(again), ['0-1', '2-3', '4-5', '6-7']);
  },
);

postgres.test('A body that was altered is STORE_DAMAGED, with its height', async (t) => {
  const store = await postgres.opened(t, 'altered', SOON);
  await store.commit(fixtureBatch(frames));
  await store.tiles?.settle(8);
  await until(async () => (await rows('blocks', 'altered')) === 1);
  await postgres.query(`update blockferry.tile_parts p set bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1)
    from blockferry.store s where s.id = p.store and s.name = 'altered' and height = 2`);
  const [, tile] = (await store.tiles?.list(ALL)) ?? [];
  t.is(tile?.from, 2);
  for (const read of [() => store.get(2), () => store.tiles?.body(tile as NonNullable<typeof tile>)]) {
    const error = await t.throwsAsync(async () => read());
    t.true(isSyncError(error, 'STORE_DAMAGED'));
    t.is((error as { context?: { height?: number } }).context?.height, 2);
  }
});
