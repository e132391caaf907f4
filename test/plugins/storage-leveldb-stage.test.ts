import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import test from 'ava';
import { sealValue } from '../../plugins/storage-leveldb/records.js';
import type { Frame } from '../../src/contracts/index.js';
import { entriesOf, everything, readAll } from '../../src/testing/compliance/storage-kit.js';
import { FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { seenOf, stagedContents } from '../helpers/storage-contents.js';
import { filledStore, flipBit, inspect, levelAt } from '../helpers/storage-disk.js';
import { contentsIn, markIn, openedLevel, replaceBlocks } from '../helpers/storage-stage.js';
import { tempDir } from '../helpers/temp-dir.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

test('A stage has a directory of its own, which is gone when it is closed, and the old one when it is activated', async (t) => {
  const { store, location } = await openedLevel(t);
  const stage = await store.stage();
  t.is(contentsIn(location).length, 2);
  await stage.close();
  t.deepEqual(contentsIn(location), ['db']);
  await replaceBlocks(store, fixtureFrames(3));
  const [name] = contentsIn(location);
  t.is(contentsIn(location).length, 1);
  t.regex(name ?? '', /^db-[0-9a-f-]{36}$/);
  t.regex(readFileSync(join(location, 'blockferry.json'), 'utf8'), new RegExp(`"db":"${name ?? ''}"`));
});

test('What a crash left of a stage is removed at the next start and by the next stage, and nothing else', async (t) => {
  const { store, location } = await openedLevel(t);
  const leftover = 'db-01234567-89ab-4cde-8f01-23456789abcd';
  const others = ['downloads', 'db-mine', 'db2', 'xdb', 'db-01234567-89ab-4cde-8f01-23456789abcd.old'];
  for (const name of [...others, leftover]) mkdirSync(join(location, name, 'below'), { recursive: true });
  await (await store.stage()).close();
  t.false(existsSync(join(location, leftover)));
  mkdirSync(join(location, leftover));
  await store.close();
  await store.open();
  t.false(existsSync(join(location, leftover)));
  for (const name of [...others, 'db']) t.true(existsSync(join(location, name)), name);
  await store.close();
});

test('The mark is lowered before lower contents take their place, and raised after higher ones did', async (t) => {
  const { store, location } = await openedLevel(t);
  await store.commit(fixtureBatch(fixtureFrames(10)));
  await replaceBlocks(store, fixtureFrames(4, { branch: 'lower' }));
  t.deepEqual(markIn(location), { height: 3 });
  await replaceBlocks(store, fixtureFrames(50, { branch: 'higher' }));
  await store.close();
  t.deepEqual(markIn(location), { height: 49 });
  await store.open();
  t.is(store.checkpoint().head?.height, 49);
  await store.close();
});

test('Damage in activated contents is found when the store is opened', async (t) => {
  const location = join(tempDir(t), 'store');
  await filledStore(location, 5);
  const contents = stagedContents(2, 20);
  const store = levelAt(location);
  await store.open();
  const stage = await store.stage();
  await stage.putState('accounts', contents.entries);
  await stage.putBlocks(contents.frames);
  await stage.activate({ identity: FIXTURE_IDENTITY, head: contents.head });
  t.deepEqual(await everything(store), seenOf(contents));
  await store.close();
  t.deepEqual(await inspect(location, contents.frames), { failures: [], silent: [] });
  const path = join(location, contentsIn(location)[0] ?? '');
  const tables = readdirSync(path).filter((name) => name.endsWith('.ldb'));
  const sizes = tables.map((name) => statSync(join(path, name)).size);
  const table = join(path, tables[sizes.indexOf(Math.max(...sizes))] ?? '');
  flipBit(table, Math.floor(statSync(table).size / 2));
  const { failures, silent } = await inspect(location, contents.frames);
  t.deepEqual(silent, []);
  t.regex(failures[0] ?? '', /^open STORE_DAMAGED .*table file/);
});

test('Blocks that are staged in ascending order are written to the log and to a table file, and not merged', async (t) => {
  const { store, location } = await openedLevel(t);
  const stage = await store.stage();
  const entries = Array.from({ length: 3000 }, (_, at) => ({
    key: `k${String(at).padStart(6, '0')}`,
    value: Buffer.alloc(1000, at),
  }));
  await stage.putState('contracts', entries);
  await stage.putState('accounts', entries);
  const frames = fixtureFrames(600).map((frame, at) => ({ ...frame, bytes: Buffer.alloc(100_000, at) }));
  for (let at = 0; at < frames.length; at += 25) await stage.putBlocks(frames.slice(at, at + 25));
  await stage.activate({ identity: FIXTURE_IDENTITY, head: refOf(frames.at(-1) as Frame) });
  await store.close();
  const path = join(location, contentsIn(location)[0] ?? '');
  const log = readFileSync(join(path, 'LOG'), 'utf8');
  t.false(/Compacted/.test(log), log);
  t.true(readdirSync(path).filter((name) => name.endsWith('.ldb')).length >= 5);
  t.true(readdirSync(join(path, 'frames')).length >= 3);
  await store.open();
  t.is((await readAll(store, { from: 590, to: 700 })).length, 10);
  t.is((await entriesOf(store)).length, 3000);
  await store.close();
});

/** Rewrites what a closed store says of itself. */
async function rewriteMeta(location: string, change: (record: string) => string): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(join(location, 'db'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
  });
  const key = Buffer.from([1]);
  const record = ((await db.get(key)) ?? Buffer.alloc(4)).subarray(4).toString();
  const changed = change(record);
  if (changed === record) throw new Error(`nothing to change in ${record}`);
  await db.put(key, sealValue(key, Buffer.from(changed)));
  await db.close();
}

test('A store whose record has no assumed block, as older ones, has none', async (t) => {
  const location = join(tempDir(t), 'store');
  await filledStore(location, 5);
  await rewriteMeta(location, (record) => record.replace(',"assumed":null', ''));
  const store = levelAt(location);
  await store.open();
  t.is(store.checkpoint().assumed, null);
  await store.commit(fixtureBatch(fixtureFrames(1, { on: store.checkpoint().head })));
  t.is(store.checkpoint().assumed, null);
  await store.close();
});

test('A store whose record has no confirmed block, as older ones, begins with its final one', async (t) => {
  const location = join(tempDir(t), 'store');
  await filledStore(location, 5);
  const before = levelAt(location);
  await before.open();
  const header = await before.header(2);
  const final = header === null ? null : { height: header.height, hash: header.hash };
  await before.advance({ confirmed: before.checkpoint().head, finalized: final });
  await before.close();
  await rewriteMeta(location, (record) => record.replace(/,"confirmed":({[^}]*}|null)/, ''));
  const store = levelAt(location);
  await store.open();
  t.deepEqual(store.checkpoint().confirmed, final);
  await store.close();
});

test('A store that is closed while contents are activated is closed with the new ones', async (t) => {
  const { store } = await openedLevel(t);
  await store.commit(fixtureBatch(fixtureFrames(3)));
  const stage = await store.stage();
  const fresh = fixtureFrames(20, { branch: 'new', bytes: 100_000 });
  await stage.putBlocks(fresh);
  const activating = stage.activate({ identity: FIXTURE_IDENTITY, head: refOf(fresh[19] as Frame) });
  await Promise.all([activating, store.close(), store.close()]);
  await store.open();
  t.is(store.checkpoint().head?.hash, fresh[19]?.header.hash);
  await store.close();
});

test('Many reads and views that are open when contents are replaced end with one of both or as STORE_CLOSED', async (t) => {
  const { store } = await openedLevel(t);
  const old = fixtureFrames(60, { bytes: 100_000 });
  await store.commit(fixtureBatch(old));
  const fresh = fixtureFrames(60, { bytes: 100_000, branch: 'new' });
  const stage = await store.stage();
  await stage.putBlocks(fresh);
  const views = await Promise.all(Array.from({ length: 8 }, () => store.view()));
  const reads = [...views, store, store, store].map(async (source) => {
    const branches = new Set<boolean>();
    try {
      for await (const batch of source.read(ALL))
        for (const { header } of batch) branches.add(header.hash === old[header.height]?.header.hash);
    } catch (error) {
      t.is((error as { code?: string }).code, 'STORE_CLOSED');
    }
    t.true(branches.size <= 1, 'never a mix');
  });
  await stage.activate({ identity: FIXTURE_IDENTITY, head: refOf(fresh[59] as Frame) });
  await Promise.all(reads);
  await Promise.all(views.map((view) => view.close()));
  t.is((await readAll(store, ALL)).length, 60);
});
