import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { zstd } from '../../plugins/codec-zstd/index.js';
import { openChain } from '../../src/index.js';
import { isHere, withCodec } from '../helpers/builtin-codecs.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type Files, serveFiles } from '../helpers/tile-files.js';
import { tiledDocuments } from '../helpers/tiled-chain.js';
import { bodiesAsked } from '../helpers/zstd-folder.js';
import { type Finished, jsonLines } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

const documents = tiledDocuments(300);
const INDEX = 'tiles/000/index.ndjson';

interface Line {
  readonly from: number;
  readonly documentBytes: number;
  readonly bytes: number;
  readonly zstd?: number;
}

interface Places {
  readonly data: string;
  readonly out: string;
}

async function published(t: ExecutionContext, count = documents.length): Promise<Places> {
  const dir = tempDir(t);
  const places = { data: join(dir, 'a'), out: join(dir, 'out') };
  await makeStore(places.data, documents.slice(0, count));
  await publish(t, places, '--codec', 'zstd');
  return places;
}

async function publish(t: ExecutionContext, { data, out }: Places, ...more: string[]): Promise<Finished> {
  const finished = await run(['publish', '--data', data, '--out', out, ...more]);
  t.is(finished.code, 0, finished.stderr);
  return finished;
}

const namesIn = (out: string): readonly string[] =>
  (readdirSync(out, { recursive: true }) as string[])
    .filter((name) => statSync(join(out, name)).isFile())
    .sort();

const bodiesIn = (out: string, suffix: 'gz' | 'zst'): readonly string[] =>
  namesIn(out).filter((name) => name.endsWith(`.ndjson.${suffix}`));

const linesOf = (out: string): readonly Line[] =>
  readFileSync(join(out, INDEX), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

const tailOf = (out: string): Line | null =>
  (
    JSON.parse(readFileSync(join(out, 'status'), 'utf8')) as {
      readonly tiles: { readonly tail: Line | null };
    }
  ).tiles.tail;

const timesIn = (out: string): ReadonlyMap<string, number> =>
  new Map(namesIn(out).map((name) => [name, statSync(join(out, name)).mtimeMs]));

const filesIn = (out: string): Files =>
  new Map(namesIn(out).map((name) => [name, readFileSync(join(out, name))]));

const decoded = (out: string, name: string): Uint8Array =>
  zstd()
    .create()
    .decode(readFileSync(join(out, name)), { maxOutputBytes: 1e8 });

withCodec(
  'zstd',
  'each tile, and the tail, is there in zstd beside gzip, as one frame of the same documents',
  async (t) => {
    const { out } = await published(t);
    const [inGzip, inZstd] = [bodiesIn(out, 'gz'), bodiesIn(out, 'zst')];
    t.true(inGzip.length > 3);
    t.deepEqual(
      inZstd,
      inGzip.map((name) => name.replace(/\.gz$/, '.zst')),
    );
    for (const [at, name] of inZstd.entries())
      t.true(gunzipSync(readFileSync(join(out, inGzip[at] ?? ''))).equals(decoded(out, name)), name);
    const size = (name: string): number => statSync(join(out, name)).size;
    const tail = tailOf(out);
    const lines = [...linesOf(out), ...(tail === null ? [] : [tail])];
    t.deepEqual(
      lines.map(({ bytes }) => bytes),
      inGzip.map(size),
    );
    t.deepEqual(
      lines.map((line) => line.zstd),
      inZstd.map(size),
    );
  },
);

withCodec('zstd', 'publishing in zstd again writes nothing, and tells only of what is new', async (t) => {
  const places = await published(t, 250);
  const before = timesIn(places.out);
  const again = await publish(t, places, '--codec', 'zstd', '--json');
  t.like(jsonLines(again.stdout).at(-1), { event: 'done', newFiles: 0, newBytes: 0 });
  t.deepEqual(timesIn(places.out), before);
  const chain = await openChain({ storage: { use: 'leveldb', location: places.data } });
  await chain.append(documents.slice(250));
  await chain.close();
  const more = await publish(t, places, '--codec', 'zstd', '--json');
  const added = namesIn(places.out).filter((name) => !before.has(name));
  const bytes = added.reduce((sum, name) => sum + statSync(join(places.out, name)).size, 0);
  t.true(added.some((name) => name.endsWith('.zst')));
  t.like(jsonLines(more.stdout).at(-1), { newFiles: added.length, newBytes: bytes });
});

withCodec('zstd', 'of earlier tails both encodings are kept, and both go', async (t) => {
  const places = await published(t, 200);
  for (const to of [204, 208, 212]) {
    const chain = await openChain({ storage: { use: 'leveldb', location: places.data } });
    await chain.append(documents.slice(to - 4, to));
    await chain.close();
    await publish(t, places, '--codec', 'zstd');
  }
  const tails = namesIn(places.out).filter((name) => name.includes('tail-'));
  t.is(tails.length, 6);
  t.is(new Set(tails.map((name) => name.replace(/\.[a-z]+$/, ''))).size, 3);
});

withCodec(
  'zstd',
  'a tile in zstd that was altered is a conflict, and one of another level stays',
  async (t) => {
    const { data, out } = await published(t);
    const [name = ''] = bodiesIn(out, 'zst');
    const path = join(out, name);
    const good = readFileSync(path);
    const other = zstd().create().encode(Buffer.from('{"other":true}\n'));
    for (const bad of [other, good.subarray(1), Buffer.concat([good, good]), Buffer.alloc(0)]) {
      writeFileSync(path, bad);
      const { code, stderr } = await run(['publish', '--data', data, '--out', out, '--codec', 'zstd']);
      t.is(code, 1);
      t.regex(stderr, /^PUBLISH_CONFLICT: /);
      t.true(stderr.includes(name));
      t.true(readFileSync(path).equals(bad));
    }
    rmSync(path);
    await publish(t, { data, out }, '--codec', 'zstd');
    t.true(readFileSync(path).equals(good));
    const small = zstd({ level: 19 }).create().encode(decoded(out, name));
    t.not(small.length, good.length);
    writeFileSync(path, small);
    await publish(t, { data, out }, '--codec', 'zstd');
    t.true(readFileSync(path).equals(Buffer.from(small)));
    t.is(linesOf(out)[0]?.zstd, small.length);
  },
);

withCodec(
  'zstd',
  'a folder of gzip gets zstd beside it, and without it the files stay that nothing names',
  async (t) => {
    const dir = tempDir(t);
    const places = { data: join(dir, 'a'), out: join(dir, 'out') };
    await makeStore(places.data, documents);
    await publish(t, places);
    const before = timesIn(places.out);
    t.true(linesOf(places.out).every((line) => line.zstd === undefined));
    await publish(t, places, '--codec', 'zstd');
    for (const name of bodiesIn(places.out, 'gz'))
      t.is(timesIn(places.out).get(name), before.get(name), name);
    t.true(linesOf(places.out).every((line) => line.zstd !== undefined));
    const count = bodiesIn(places.out, 'zst').length;
    await publish(t, places);
    t.true(linesOf(places.out).every((line) => line.zstd === undefined));
    t.is(tailOf(places.out)?.zstd, undefined);
    t.is(bodiesIn(places.out, 'zst').length, count);
  },
);

withCodec(
  'zstd',
  'a node that takes zstd syncs from the folder without a body in gzip, and has the same tiles',
  async (t) => {
    const { data, out } = await published(t);
    const { url, requests } = await serveFiles(t, () => filesIn(out));
    const asked = (): readonly { readonly path: string }[] => requests.map((path) => ({ path }));
    const copy = join(tempDir(t), 'copy');
    const sync = await run(['sync', '--data', copy, '--peer', url]);
    t.is(sync.code, 0, sync.stderr);
    t.is(bodiesAsked(asked(), 'zst').length, bodiesIn(out, 'zst').length);
    t.deepEqual(bodiesAsked(asked(), 'gz'), []);
    const last = String(linesOf(out).reduce((most, { from }) => Math.max(most, from), 0));
    const [ours, theirs] = await Promise.all(
      [copy, data].map(async (store) => (await run(['export', '--data', store, '--to', last])).stdout),
    );
    t.true(ours?.equals(theirs ?? Buffer.alloc(0)));
    const again = join(tempDir(t), 'out');
    await publish(t, { data: copy, out: again }, '--finality-depth', '0');
    for (const name of bodiesIn(out, 'gz').filter((each) => !each.includes('tail-')))
      t.true(readFileSync(join(again, name)).equals(readFileSync(join(out, name))), name);
    requests.length = 0;
    const other = await run(['sync', '--data', join(tempDir(t), 'other'), '--peer', url, '--codec', 'gzip']);
    t.is(other.code, 0, other.stderr);
    t.deepEqual(bodiesAsked(asked(), 'zst'), []);
  },
);

const withoutZstd = (title: string, body: (t: ExecutionContext) => Promise<void>): void => {
  if (isHere('zstd')) test.skip(`${title} (skipped: Node ${process.versions.node} has zstd)`, body);
  else test(title, body);
};

withoutZstd('where Node has no zstd, publishing in it says which has, and writes nothing', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  await makeStore(data, documents.slice(0, 100));
  const { code, stderr } = await run(['publish', '--data', data, '--out', out, '--codec', 'zstd']);
  t.is(code, 1);
  t.regex(stderr, /^CODEC_UNAVAILABLE: .*needs Node 22\.15, 23\.8/);
  t.false(existsSync(out));
});

test('only encodings that tiles may be in beside gzip are taken', async (t) => {
  for (const codec of ['gzip', 'identity', 'bzip2', 'none']) {
    const { code, stderr } = await run(['publish', '--data', 'a', '--out', 'b', '--codec', codec]);
    t.is(code, 2);
    t.regex(stderr, /--codec/);
  }
});
