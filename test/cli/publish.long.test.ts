import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { openChain } from '../../src/index.js';
import { projectRoot } from '../helpers/shared.js';
import { programMissing } from '../scenarios/nginx/nginx.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { nginx, nginxTest } from '../helpers/stock-nginx.js';
import { tempDir } from '../helpers/temp-dir.js';
import { tiledDocuments } from '../helpers/tiled-chain.js';
import { until } from '../helpers/waiting.js';
import { Cli, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { sharedFolder } from './shared-folder.js';
import { makeStore } from './stores.js';

const documents = tiledDocuments(400);

/** The last that is settled: 64 below the head. */
const LAST = documents.length - 1 - 64;

interface Status {
  readonly head: { readonly height: number; readonly hash: string } | null;
  readonly base: number;
  readonly codecs: Readonly<Record<string, readonly string[]>>;
  readonly tiles: {
    readonly from: number;
    readonly to: number;
    readonly tail: {
      readonly from: number;
      readonly to: number;
      readonly documentBytes: number;
      readonly digest?: string;
    } | null;
  } | null;
}

const statusOf = (out: string): Status => JSON.parse(readFileSync(join(out, 'status'), 'utf8')) as Status;

/** Paths of the files below a folder with what is in them. */
function filesOf(out: string): ReadonlyMap<string, Buffer> {
  const names = (readdirSync(out, { recursive: true }) as string[]).sort();
  const files = names.filter((name) => statSync(join(out, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(out, name))]));
}

/** The same by their SHA-256. */
function hashesOf(out: string): ReadonlyMap<string, string> {
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  return new Map([...filesOf(out)].map(([name, bytes]) => [name, hash(bytes)]));
}

/** When each file was written. */
function timesOf(out: string): ReadonlyMap<string, number> {
  return new Map([...filesOf(out).keys()].map((name) => [name, statSync(join(out, name)).mtimeMs]));
}

const bodiesOf = (out: string): string[] =>
  [...filesOf(out).keys()].filter((name) => /\/0[^/]*\.gz$/.test(name));
const tailsOf = (out: string): string[] => [...filesOf(out).keys()].filter((name) => name.includes('tail-'));

async function publish(t: ExecutionContext, data: string, out: string, ...more: string[]): Promise<void> {
  const { code, stderr } = await run(['publish', '--data', data, '--out', out, ...more]);
  t.is(code, 0, stderr);
}

const stored = sharedFolder(async function stored(_t, dir) {
  await makeStore(join(dir, 'a'), documents);
});

const published = sharedFolder(async function published(t, dir) {
  const data = join(dir, 'a');
  await makeStore(data, documents);
  await publish(t, data, join(dir, 'www', 'sync'));
});

/** The store of all documents, and the folder that it is published in. */
async function publishedStore(t: ExecutionContext): Promise<{ dir: string; data: string; out: string }> {
  const { dir } = await published(t);
  return { dir, data: join(dir, 'a'), out: join(dir, 'www', 'sync') };
}

async function grow(data: string, more: readonly Uint8Array[]): Promise<void> {
  const chain = await openChain({ storage: { use: 'leveldb', location: data } });
  await chain.append(more);
  await chain.close();
}

test('the published tiles and the tail are the settled blocks as export writes them, by zcat too', async (t) => {
  const { dir } = await stored(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  const { stdout } = await run(['publish', '--data', data, '--out', out, '--json']);
  const done = jsonLines(stdout).at(-1);
  const bodies = [...bodiesOf(out), ...tailsOf(out)];
  t.true(bodies.length > 3);
  t.like(done, { event: 'done', ok: true, from: 0, tiles: bodies.length - 1, newFiles: bodies.length });
  const exported = await run(['export', '--data', data, '--to', String(LAST)]);
  const all = Buffer.concat(bodies.map((name) => gunzipSync(readFileSync(join(out, name)))));
  t.true(all.equals(exported.stdout));
  t.true(all.equals(ndjson(documents.slice(0, LAST + 1))));
  if (programMissing('zcat', '--version') === null) {
    const paths = bodies.map((name) => join(out, name));
    t.true(execFileSync('zcat', paths, { maxBuffer: 1e9 }).equals(exported.stdout));
  }
});

test('the status of a folder names its tiles, its tail and its newest block, and no other way to fetch', async (t) => {
  const { out } = await publishedStore(t);
  const { head, base, codecs, tiles } = statusOf(out);
  t.is(head?.height, LAST);
  t.is(base, 0);
  t.deepEqual(codecs, { stream: [], json: [], snapshot: [], frames: [] });
  const [name = ''] = tailsOf(out);
  const [, from, to] = /tail-0*(\d+)-0*(\d+)-/.exec(name) ?? [];
  const documentBytes = gunzipSync(readFileSync(join(out, name))).length;
  t.is(Number(to), LAST);
  t.like(tiles, { from: 0, to: Number(from) - 1 });
  t.like(tiles?.tail, { from: Number(from), to: LAST, documentBytes });
});

test('a folder has the names, bodies and index that a server of the store has', async (t) => {
  const { data, out } = await publishedStore(t);
  const { url } = await serve(t, data);
  for (const name of [...bodiesOf(out), 'tiles/000/index.ndjson']) {
    const response = await fetch(`${url}/sync/${name}`);
    t.is(response.status, 200, name);
    t.true(Buffer.from(await response.arrayBuffer()).equals(readFileSync(join(out, name))), name);
  }
  const { tiles } = (await (await fetch(`${url}/sync/status`)).json()) as Status;
  t.is(tiles?.to, statusOf(out).tiles?.to);
});

test('publishing again changes nothing, and no file is written', async (t) => {
  const { data, out } = await publishedStore(t);
  const before = timesOf(out);
  await publish(t, data, out);
  t.deepEqual(timesOf(out), before);
});

test('after the chain has grown only what is new is written, and the two tails before are kept', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  await makeStore(data, documents.slice(0, 250));
  await publish(t, data, out);
  const before = timesOf(out);
  let count = 250;
  for (const to of [255, 260, 265, 400]) {
    await grow(data, documents.slice(count, to));
    count = to;
    await publish(t, data, out);
  }
  const after = timesOf(out);
  for (const name of bodiesOf(out)) if (before.has(name)) t.is(after.get(name), before.get(name), name);
  t.true(bodiesOf(out).some((name) => !before.has(name)));
  t.is(tailsOf(out).length, 3);
  const fresh = join(dir, 'fresh');
  await publish(t, data, fresh);
  for (const [name, contents] of filesOf(fresh)) t.true(filesOf(out).get(name)?.equals(contents), name);
});

test('a tile that was altered is a conflict, whatever its length, and is not overwritten', async (t) => {
  const { data, out } = await publishedStore(t);
  const [name = ''] = bodiesOf(out);
  const path = join(out, name);
  const good = readFileSync(path);
  const flipped = Buffer.from(good);
  flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
  for (const bad of [flipped, good.subarray(1), Buffer.concat([good, good]), Buffer.alloc(0)]) {
    writeFileSync(path, bad);
    const { code, stderr } = await run(['publish', '--data', data, '--out', out]);
    t.is(code, 1);
    t.regex(stderr, /^PUBLISH_CONFLICT: /);
    t.true(stderr.includes(name));
    t.true(readFileSync(path).equals(bad));
  }
  rmSync(path);
  await publish(t, data, out);
  t.true(readFileSync(path).equals(good));
});

test('a tile that another encoder has made of the same documents stays, and the index has its length', async (t) => {
  const { data, out } = await publishedStore(t);
  const [name = ''] = bodiesOf(out);
  const other = gzipSync(gunzipSync(readFileSync(join(out, name))), { level: 1 });
  writeFileSync(join(out, name), other);
  await publish(t, data, out);
  t.true(readFileSync(join(out, name)).equals(other));
  const [line = ''] = readFileSync(join(out, 'tiles/000/index.ndjson'), 'utf8').split('\n');
  t.is((JSON.parse(line) as { bytes: number }).bytes, other.length);
});

test('another chain is not published over the one that is there', async (t) => {
  const dir = tempDir(t);
  const [a, b, out] = [join(dir, 'a'), join(dir, 'b'), join(dir, 'out')];
  await makeStore(a, documents.slice(0, 100));
  await makeStore(
    b,
    sealedChain(100, () => ({ other: true })),
  );
  await publish(t, a, out);
  const before = timesOf(out);
  const { code, stderr } = await run(['publish', '--data', b, '--out', out]);
  t.is(code, 1);
  t.regex(stderr, /^CHAIN_MISMATCH: /);
  t.deepEqual(timesOf(out), before);
});

test('what was published when the command was killed is gone on with', async (t) => {
  const { dir } = await stored(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  const cli = new Cli(t, ['publish', '--data', data, '--out', out]);
  await until(() => existsSync(join(out, 'tiles/000')) && readdirSync(join(out, 'tiles/000')).length > 0);
  cli.kill('SIGKILL');
  await cli.finished;
  mkdirSync(join(out, 'tiles/000'), { recursive: true });
  const leftover = join(out, 'tiles/000/x.ndjson.gz.00000000-0000-4000-8000-000000000000.tmp');
  writeFileSync(leftover, 'half a tile');
  // As it is killed before that, whatever it had time for.
  rmSync(join(out, 'tiles/000/index.ndjson'), { force: true });
  await publish(t, data, out);
  const fresh = join(dir, 'fresh');
  await publish(t, data, fresh);
  t.deepEqual(hashesOf(out), hashesOf(fresh));
});

test('an archive of a whole chain has all its blocks when all are final', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  await makeStore(data, documents.slice(0, 20));
  await publish(t, data, out);
  t.is(statusOf(out).head, null);
  t.is(statusOf(out).tiles, null);
  await publish(t, data, out, '--finality-depth', '0');
  const { head, tiles } = statusOf(out);
  t.is(head?.height, 19);
  t.like(tiles, { from: 0, to: -1 });
  t.like(tiles?.tail, { from: 0, to: 19 });
});

test('blocks of a store that begins higher are published from the first interval on', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  const small = sealedChain(2200, () => ({ a: 1 }));
  const lines = ndjson(small.slice(1000));
  t.is((await run(['import', '--data', data, '--base', '1000', '-'], lines)).code, 0);
  await publish(t, data, out, '--finality-depth', '0');
  const { base, head, tiles } = statusOf(out);
  t.is(base, 1024);
  t.is(head?.height, 2199);
  t.like(tiles, { from: 1024, to: 2047 });
});

test('a store that is open elsewhere is not published, and a folder that can not be made is told', async (t) => {
  const dir = tempDir(t);
  const data = join(dir, 'a');
  await makeStore(data, documents.slice(0, 100));
  writeFileSync(join(dir, 'file'), '');
  const nowhere = await run(['publish', '--data', data, '--out', join(dir, 'file', 'out')]);
  t.is(nowhere.code, 1);
  t.regex(nowhere.stderr, /^INPUT_UNREADABLE: /);
  if (process.platform === 'linux') {
    // What this file system has is its own: it refuses a new directory as if the one above were missing.
    const proc = await run(['publish', '--data', data, '--out', '/proc/blockferry/out']);
    t.is(proc.code, 1);
    t.regex(proc.stderr, /^INPUT_UNREADABLE: Writing \/proc\/blockferry\/out.* failed: ENOENT/);
  }
  await serve(t, data);
  const locked = await run(['publish', '--data', data, '--out', join(dir, 'out')]);
  t.is(locked.code, 1);
  t.regex(locked.stderr, /^STORE_LOCKED: /);
  t.false(existsSync(join(dir, 'out')));
});

test('a chain whose hashes leave bytes open is published with digests in names, lines and tail', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  const blocks = Array.from({ length: 300 }, (_, height) => {
    return `{"n":${height},"id":"b${height}","up":"b${height - 1}","text":"${`block ${height} `.repeat(4_000)}"}\n`;
  });
  const linked = ['import', '--data', data, '--chain', 'linked:n,id,up', '-'];
  t.is((await run(linked, Buffer.from(blocks.join('')))).code, 0);
  await publish(t, data, out);
  const lines = readFileSync(join(out, 'tiles/000/index.ndjson'), 'utf8').trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { from: number; to: number; digest: string });
  const { tail = null } = statusOf(out).tiles ?? {};
  t.true(entries.length > 2);
  t.is(tail?.to, 300 - 1 - 64);
  for (const { from, to, digest } of [...entries, ...(tail === null ? [] : [tail])]) {
    const documents = blocks.slice(from, to + 1).join('');
    t.is(digest, createHash('sha256').update(documents).digest('hex'));
    const [name = ''] = [...filesOf(out).keys()].filter((each) => each.includes(digest?.slice(0, 32) ?? ''));
    t.is(gunzipSync(readFileSync(join(out, name))).toString(), documents);
  }
  const before = timesOf(out);
  await publish(t, data, out);
  t.deepEqual(timesOf(out), before);
});

nginxTest('a stock nginx gives a folder out byte for byte, and what is not there is 404', async (t) => {
  const { dir, out } = await publishedStore(t);
  const url = await nginx(t, dir, `root ${join(dir, 'www')};`);
  for (const [name, contents] of filesOf(out)) {
    const response = await fetch(`${url}/sync/${name}`);
    t.is(response.status, 200, name);
    t.is(response.headers.get('content-encoding'), null);
    t.true(Buffer.from(await response.arrayBuffer()).equals(contents), name);
  }
  const [body = ''] = bodiesOf(out);
  const part = await fetch(`${url}/sync/${body}`, { headers: { range: 'bytes=5-9' } });
  t.is(part.status, 206);
  t.is((await fetch(`${url}/sync/${body.replace('/000/', '/001/')}`)).status, 404);
});

nginxTest('with the documented lines an nginx says what may be kept', async (t) => {
  const { dir, out } = await publishedStore(t);
  const text = readFileSync(join(projectRoot, 'docs', 'scaling.md'), 'utf8');
  const [, lines = ''] = /^ +```nginx\n(.*?)^ +```$/ms.exec(text) ?? [];
  t.true(lines.includes('root /srv/chain;'));
  const url = await nginx(t, dir, lines.replace('/srv/chain', join(dir, 'www')));
  const immutable = 'public, max-age=31536000, immutable, no-transform';
  for (const name of filesOf(out).keys()) {
    const response = await fetch(`${url}/sync/${name}`);
    t.is(response.status, 200, name);
    t.is(response.headers.get('cache-control'), name.endsWith('.gz') ? immutable : 'no-cache', name);
    await response.arrayBuffer();
  }
  const missing = await fetch(`${url}/sync/tiles/000/none.ndjson.gz`);
  t.is(missing.headers.get('cache-control'), null);
});
