import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type ChainConfig, openChain } from '../../src/index.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { openTiled, tiledDocuments } from '../helpers/tiled-chain.js';
import { Cli } from './cli.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const postgres = postgresTest();
const chain = sealedChain(120);
const lines = ndjson(chain);

const at = (store: string, more = ''): string =>
  `${postgres.server().url}?store=${store}&durability=${postgres.server().durability}${more}`;

postgres.test(
  'create, import, verify, status and export work on a store in a database, and keep every byte',
  async (t) => {
    const schema = '&schema=of_the_command_line';
    const store = at('whole', schema);
    const early = await run(['import', '--store', store, '-'], lines);
    t.is(early.code, 1);
    t.regex(early.stderr, /STORE_NOT_FOUND/);
    t.is((await run(['create', '--store', store])).code, 0);
    const imported = await run(['import', '--store', store, '-'], lines);
    t.is(imported.code, 0, imported.stderr);
    const verified = await run(['verify', '--store', store]);
    t.regex(verified.stdout.toString(), /Verified 120 blocks/, verified.stderr);
    const status = await run(['status', '--store', store]);
    t.regex(status.stdout.toString(), /head: +block 119/, status.stderr);
    const exported = await run(['export', '--store', store]);
    t.true(lines.equals(exported.stdout), exported.stderr);
  },
);

postgres.test('Commands that only read make no store, and read one that is being written', async (t) => {
  for (const command of ['verify', 'status', 'export']) {
    const { code, stderr } = await run([command, '--store', at('none')]);
    t.is(code, 1);
    t.regex(stderr, /STORE_NOT_FOUND/);
  }
  const writer = await postgres.opened(t, 'written');
  t.is(writer.checkpoint().head, null);
  const { code, stdout, stderr } = await run(['status', '--store', at('written')]);
  t.is(code, 0, stderr);
  t.regex(stdout.toString(), /no block yet/);
  const second = await run(['import', '--store', at('written'), '-'], lines);
  t.is(second.code, 1);
  t.regex(second.stderr, /STORE_LOCKED.*lease/s);
});

postgres.test('serve gives a store in a database to others, and sync puts one there', async (t) => {
  t.is((await run(['import', '--store', at('served'), '-'], lines)).code, 0);
  const server = new Cli(t, ['serve', '--store', at('served'), '--port', '0', '--json']);
  const { url } = await server.waitFor(({ event }) => event === 'listening');
  const synced = await run(['sync', '--peer', String(url), '--store', at('synced')]);
  t.is(synced.code, 0, synced.stderr);
  t.true(lines.equals((await run(['export', '--store', at('synced')])).stdout));
  server.kill('SIGTERM');
  t.is((await server.finished).code, 0);
});

postgres.test(
  'migrate copies a store into a database and back, goes on where it was stopped, and refuses another chain',
  async (t) => {
    const dir = tempDir(t);
    const [from, back] = [join(dir, 'from'), join(dir, 'back')];
    await makeStore(from, chain.slice(0, 50));
    const there = ['migrate', '--from', from, '--to', at('moved', '&schema=made_by_migrate')];
    const first = await run(there);
    t.regex(first.stdout.toString(), /Copied 50 blocks/, first.stderr);
    await makeStore(join(dir, 'whole'), chain);
    const second = await run(['migrate', '--from', join(dir, 'whole'), ...there.slice(3)]);
    t.regex(second.stdout.toString(), /Copied 70 blocks/, second.stderr);
    const returned = await run(['migrate', '--from', at('moved', '&schema=made_by_migrate'), '--to', back]);
    t.regex(returned.stdout.toString(), /Copied 120 blocks/, returned.stderr);
    t.true(lines.equals(await storedLines(back)));
    const other = join(dir, 'other');
    await makeStore(
      other,
      sealedChain(10, (height) => ({ other: height })),
    );
    const refused = await run(['migrate', '--from', other, ...there.slice(3)]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /CHAIN_MISMATCH/);
  },
);

postgres.test('migrate leaves settled blocks in the same tiles, in both directions', async (t) => {
  const dir = tempDir(t);
  const [from, back] = [join(dir, 'from'), join(dir, 'back')];
  await (await openTiled(from, tiledDocuments(300))).close();
  for (const places of [
    ['--from', from, '--to', at('tiled')],
    ['--from', at('tiled'), '--to', back],
  ]) {
    const { code, stderr } = await run(['migrate', ...places]);
    t.is(code, 0, stderr);
  }
  const kept = [];
  for (const storage of [
    { use: 'leveldb', location: from },
    { use: 'postgres', url: postgres.server().url, store: 'tiled', role: 'reader' },
    { use: 'leveldb', location: back },
  ] as const)
    kept.push(await tilesOf(t, storage));
  t.true((kept[0]?.length ?? 0) > 0);
  t.deepEqual(kept[1], kept[0]);
  t.deepEqual(kept[2], kept[0]);
});

/** The tiles of a store, with their bodies. */
async function tilesOf(t: ExecutionContext, storage: ChainConfig['storage']): Promise<readonly object[]> {
  const chain = await openChain({ storage });
  t.teardown(() => chain.close());
  const found: object[] = [];
  for (const tile of (await chain.tiles?.list({ from: 0, to: 299 })) ?? []) {
    const { from, to, hash } = tile;
    found.push({
      from,
      to,
      hash,
      body: Buffer.from((await chain.tiles?.body(tile)) ?? []).toString('base64'),
    });
  }
  return found;
}

postgres.test(
  'A password in --store is refused, and is not told; without a place no command begins',
  async (t) => {
    const secret = at('x').replace('postgres@', 'postgres:hidden@');
    for (const store of [
      secret,
      secret.replace('hidden', '1/hidden'),
      `${at('x')}&password=hidden`,
      'mysql://u:hidden@h/d',
    ]) {
      const { code, stdout, stderr } = await run(['status', '--store', store]);
      t.is(code, 2);
      t.notRegex(`${stdout.toString()}${stderr}`, /hidden/);
    }
    const refused = await run(['status', '--store', secret]);
    t.regex(refused.stderr, /PGPASSWORD/);
    for (const args of [['verify'], ['export'], ['import', '-']]) {
      const { code, stderr } = await run(args);
      t.is(code, 2);
      t.regex(stderr, /Give --data or --store/);
    }
  },
);
