import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ndjson } from '../helpers/sealed-chain.js';
import { opsChain, replay, someOps } from '../helpers/state-model.js';
import { nginx, nginxTest } from '../helpers/stock-nginx.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { jsonLines } from './cli.js';
import { run } from './in-process.js';
import { PublishedChain, take } from './published-snapshots.js';
import { makeStore, storedLines } from './stores.js';

const blocks = someOps(300);
const documents = opsChain(blocks);

/** Files below a folder: what is in them, and when it was written. */
function filesOf(folder: string): ReadonlyMap<string, { readonly bytes: Buffer; readonly ms: number }> {
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort();
  const paths = names.filter((name) => statSync(join(folder, name)).isFile());
  const read = (path: string) => ({ bytes: readFileSync(path), ms: statSync(path).mtimeMs });
  return new Map(paths.map((name) => [name, read(join(folder, name))]));
}

const addressOf = ({ root }: PublishedChain): string => pathToFileURL(join(root, 'sync')).href;
const idsOf = ({ root }: PublishedChain): readonly string[] =>
  readdirSync(join(root, 'sync', 'snapshots')).sort();

nginxTest('a node takes blocks and state from a snapshot that a stock nginx has in files', async (t) => {
  const published = await PublishedChain.of(t, blocks);
  await published.grow(199);
  await published.snap();
  await published.grow(299);
  const { snapshots } = await published.publish();
  t.deepEqual(
    snapshots.map(({ height }) => height),
    [199],
  );
  const text = readFileSync(join(projectRoot, 'docs', 'scaling.md'), 'utf8');
  const [, lines = ''] = /^ +```nginx\n(.*?)^ +```$/ms.exec(text) ?? [];
  const url = await nginx(t, tempDir(t), lines.replace('/srv/chain', published.root));
  const taken = await take(`${url}/sync`, published);
  t.is(taken.code, null);
  t.deepEqual(taken.modes, ['snapshot', 'tiles']);
  t.deepEqual(taken.warnings, []);
  t.true(taken.lines.equals(ndjson(documents)));
  t.deepEqual(taken.state, replay(blocks));
  const keeps = async (name: string): Promise<string | null> =>
    (await fetch(`${url}/sync/snapshots/${snapshots[0]?.id ?? ''}/${name}`)).headers.get('cache-control');
  t.is(await keeps('00000000.part'), 'public, max-age=31536000, immutable, no-transform');
  t.is(await keeps('manifest.json'), 'no-cache');
});

test('a snapshot is published when its last block is settled, written once, and kept until there are two newer ones', async (t) => {
  const published = await PublishedChain.of(t, blocks, { depth: 20 });
  await published.grow(99);
  const first = await published.snap();
  const early = await published.publish();
  t.deepEqual(early.snapshots, []);
  t.like(early.waiting, [{ id: first, type: 'full', height: 99, codec: 'gzip' }]);
  await published.grow(139);
  t.deepEqual(
    (await published.publish()).snapshots.map(({ id }) => id),
    [first],
  );
  const before = filesOf(published.root);
  const again = await published.publish();
  t.is(again.newFiles, 0);
  t.deepEqual(again.waiting, []);
  t.deepEqual(filesOf(published.root), before);

  const second = await published.snap();
  await published.grow(199);
  t.deepEqual(
    (await published.publish()).snapshots.map(({ id }) => id),
    [second, first],
  );
  t.deepEqual(idsOf(published), [first, second].sort());
  const third = await published.snap();
  await published.grow(299);
  await published.publish();
  t.deepEqual(idsOf(published), [second, third].sort());
  t.true((await take(addressOf(published), published, { mode: 'snapshot', to: null })).code === null);
});

test('a folder or file that is none of ours stays when old snapshots and tails are removed', async (t) => {
  const published = await PublishedChain.of(t, blocks);
  const place = join(published.root, 'sync');
  const put = (path: string, text: string | Buffer): void => {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), text);
  };
  await published.grow(49);
  const old = await published.snap();
  await published.publish();
  const manifest = readFileSync(join(place, 'snapshots', old, 'manifest.json'));
  const foreign = { ...(JSON.parse(manifest.toString()) as object), id: 'foreign', chainId: 'other' };
  const ours = ['snapshots/mine/notes.txt', `snapshots/${old}/notes.txt`, 'snapshots/notes.txt'];
  ours.push(
    'snapshots/copied/manifest.json',
    'snapshots/broken/manifest.json',
    'snapshots/foreign/manifest.json',
  );
  ours.push(...['a', 'b', 'c', 'd'].map((name) => `tiles/tail-${name}.ndjson.gz`));
  for (const path of ours) put(path, path.startsWith('snapshots/copied') ? manifest : '{}');
  put('snapshots/foreign/manifest.json', JSON.stringify(foreign));
  for (const height of [99, 149, 199, 249, 299]) {
    await published.grow(height);
    await published.snap();
    await published.publish();
  }
  t.deepEqual(readdirSync(join(place, 'snapshots', old)), ['notes.txt']);
  const left = filesOf(place);
  for (const path of ours) t.true(left.has(join(...path.split('/'))), path);
  const parts = [...left.keys()].filter((path) => path.endsWith('.part'));
  t.is(parts.length, 2);
});

test('what is false in a folder is refused with nothing stored, and what is false in an archive is not published', async (t) => {
  const published = await PublishedChain.of(t, blocks);
  await published.grow(99);
  const id = await published.snap();
  await published.publish();
  const part = join(published.root, 'sync', 'snapshots', id, '00000000.part');
  const bytes = readFileSync(part);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(part, bytes);
  const refused = await take(addressOf(published), published, { mode: 'snapshot' });
  t.is(refused.code, 'SNAPSHOT_CORRUPT');
  t.is(refused.lines.length, 0);

  await published.grow(199);
  const other = await published.snap();
  const body = join(published.snapshots, other, 'snapshot.gz');
  writeFileSync(body, readFileSync(body).fill(0, 10, 20));
  await t.throwsAsync(published.publish(), { code: 'SNAPSHOT_CORRUPT' });
  t.deepEqual(
    (
      JSON.parse(readFileSync(join(published.root, 'sync', 'status'), 'utf8')) as {
        snapshots: { id: string }[];
      }
    ).snapshots.map((one) => one.id),
    [id],
  );
});

test.serial('publish --key says that its snapshot waits until the newest block is settled', async (t) => {
  const dir = tempDir(t);
  const [data, out, key] = [join(dir, 'a'), join(dir, 'out'), join(dir, 'key')];
  await makeStore(data, documents);
  t.is((await run(['keygen', '--out', key])).code, 0);
  const args = ['publish', '--data', data, '--out', out, '--key', key];
  const told = await run(args);
  t.is(told.code, 0, told.stderr);
  t.regex(
    String(told.stdout),
    / new\. The recent snapshot of block 299 is published by a later run, when that block is settled; block 235 is the newest that is\.\n$/,
  );
  const json = await run([...args, '--json']);
  t.like(jsonLines(json.stdout).at(-1), {
    snapshots: [],
    waiting: [{ type: 'recent', height: 299 }],
  });
  t.notRegex(String((await run([...args, '--finality-depth', '0'])).stdout), /later run/);
});

test('publish --key makes a snapshot and publishes it, and a node of file:/// takes it', async (t) => {
  const dir = tempDir(t);
  const [data, out, key] = [join(dir, 'a'), join(dir, 'out'), join(dir, 'key')];
  await makeStore(data, documents);
  const publicKey = (await run(['keygen', '--out', key])).stdout.toString().trim();
  const args = ['publish', '--data', data, '--out', out, '--key', key, '--finality-depth', '0', '--json'];
  const made = await run(args);
  t.is(made.code, 0, made.stderr);
  t.like(jsonLines(made.stdout).at(-1), { snapshots: [{ type: 'recent', height: 299, codec: 'bzip2' }] });
  const peer = pathToFileURL(out).href;
  const inspected = await run(['snapshot', 'inspect', peer]);
  t.regex(inspected.stdout.toString(), new RegExp(`signed by: ${publicKey}\n`));
  const sync = ['sync', '--peer', peer, '--data', join(dir, 'b'), '--mode', 'snapshot', '--trust', publicKey];
  const synced = await run(sync);
  t.is(synced.code, 0, synced.stderr);
  t.regex(synced.stdout.toString(), /Imported the recent snapshot of blocks 0 to 299\./);
  t.true((await storedLines(join(dir, 'b'))).equals(ndjson(documents)));
});
