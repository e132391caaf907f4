import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { SnapshotManifest } from '../../src/contracts/index.js';
import { dataTest } from '../helpers/data-test.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { standsStill, until } from '../helpers/waiting.js';
import {
  bodyOf,
  codeOf,
  LedgerSource,
  manifestAt,
  nodeSigner,
  serveSnapshots,
  sha256,
} from './snapshot-server-support.js';

const documents = sealedChain(30);

/** 24 MB that no codec makes smaller: more than twice what the buffers of a connection take, of which 6.4 MB were seen. */
const bulk = sealedChain(240, () => ({ text: randomBytes(75_000).toString('base64') }));

const ask = (url: string, headers: Record<string, string>, method = 'GET'): Promise<Response> =>
  fetch(url, { method, headers });

test('a range is that part of the body, and a range of nothing is refused with the length', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id, size } = await manifestAt(`${url}/manifest`);
  const whole = await bodyOf(await fetch(`${url}/${id}`));
  const cases: readonly [range: string, start: number, end: number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    [`bytes=${size - 1}-`, size - 1, size],
    ['bytes=100-', 100, size],
    ['bytes=-7', size - 7, size],
    [`bytes=-${size + 1000}`, 0, size],
    [`bytes=5-${'9'.repeat(30)}`, 5, size],
    ['BYTES= 3-4 ', 3, 5],
  ];
  for (const [range, start, end] of cases) {
    const part = await ask(`${url}/${id}`, { range });
    t.is(part.status, 206, range);
    t.is(part.headers.get('content-range'), `bytes ${start}-${end - 1}/${size}`);
    t.is(part.headers.get('content-length'), String(end - start));
    t.deepEqual(await bodyOf(part), whole.subarray(start, end));
  }
  for (const range of [`bytes=${size}-`, 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
    const refused = await ask(`${url}/${id}`, { range });
    t.is(refused.status, 416, range);
    t.is(refused.headers.get('content-range'), `bytes */${size}`);
    t.is(refused.headers.get('content-type'), 'application/problem+json');
  }
  for (const range of [
    'bytes=0-1,5-6',
    'bytes=9-3',
    'bytes=-',
    'bytes=a-b',
    'blocks=0-1',
    'bytes 0-1',
    'bytes=1 - 2',
  ]) {
    const all = await ask(`${url}/${id}`, { range });
    t.is(all.status, 200, range);
    t.deepEqual(await bodyOf(all), whole, range);
  }
});

test('any split into ranges puts together the same body', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id, size } = await manifestAt(`${url}/manifest`);
  const whole = await bodyOf(await fetch(`${url}/${id}`));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: size - 1 }), { maxLength: 6 }),
      async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), size];
        const pieces = await Promise.all(
          edges.slice(1).map(async (end, index) => {
            return bodyOf(await ask(`${url}/${id}`, { range: `bytes=${edges[index] ?? 0}-${end - 1}` }));
          }),
        );
        t.deepEqual(Buffer.concat(pieces), whole);
      },
    ),
    { numRuns: 15 },
  );
});

test('a condition on the tag decides between nothing, a range and the whole', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id, size } = await manifestAt(`${url}/manifest`);
  for (const target of [url, `${url}/${id}`]) {
    const etag = (await ask(target, {}, 'HEAD')).headers.get('etag') ?? '';
    t.is(etag, `"${id}"`);
    for (const known of [etag, `"other", W/${etag}`, '*']) {
      const unchanged = await ask(target, { 'if-none-match': known });
      t.is(unchanged.status, 304, known);
      t.is(unchanged.headers.get('etag'), etag);
      t.is((await bodyOf(unchanged)).length, 0);
    }
    t.is((await ask(target, { 'if-none-match': '"other"', range: 'bytes=0-9' })).status, 206);
    t.is((await ask(target, { range: 'bytes=0-9', 'if-range': etag })).status, 206);
    for (const other of ['"other"', `W/${etag}`, new Date().toUTCString()]) {
      const whole = await ask(target, { range: 'bytes=0-9', 'if-range': other });
      t.is(whole.status, 200, other);
      t.is((await bodyOf(whole)).length, size);
    }
  }
  const manifest = await ask(`${url}/manifest`, {});
  const tag = manifest.headers.get('etag') ?? '';
  t.is((await ask(`${url}/manifest`, { 'if-none-match': tag })).status, 304);
  t.is((await ask(`${url}/${id}/manifest`, { 'if-none-match': tag })).status, 304);
});

const OF_THE_CONNECTION = ['connection', 'date', 'keep-alive'];

test('HEAD has the headers of GET and no body, and takes no range', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id } = await manifestAt(`${url}/manifest`);
  for (const target of [url, `${url}/${id}`, `${url}/manifest`, `${url}/${id}/manifest`, `${url}/nothing`]) {
    const [head, full] = [await ask(target, {}, 'HEAD'), await ask(target, {})];
    t.is(head.status, full.status);
    t.is((await bodyOf(head)).length, 0);
    await bodyOf(full);
    const [ofHead, ofFull] = [head, full].map(({ headers }) =>
      [...headers].filter(([name]) => !OF_THE_CONNECTION.includes(name)),
    );
    t.deepEqual(ofHead, ofFull, target);
  }
  const ranged = await ask(`${url}/${id}`, { range: 'bytes=0-1' }, 'HEAD');
  t.is(ranged.status, 200);
});

test('what is named by its id may be kept for good, what is newest not', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id } = await manifestAt(`${url}/manifest`);
  const caching = async (target: string): Promise<string | null> =>
    (await ask(target, {}, 'HEAD')).headers.get('cache-control');
  t.is(await caching(`${url}/${id}`), 'private, max-age=31536000, immutable, no-transform');
  t.is(await caching(url), 'no-cache, no-transform');
  t.is(await caching(`${url}/manifest`), 'no-cache');
  t.is(await caching(`${url}/${id}/manifest`), 'private, max-age=60');
  t.is((await ask(url, {}, 'HEAD')).headers.get('accept-ranges'), 'bytes');
});

dataTest('types are checked as the vectors want it', 'vectors/requests/requests.json', async (t, file) => {
  const rows = (
    JSON.parse(await readFile(file, 'utf8')) as { snapshot_types: { query: string; expect: string }[] }
  ).snapshot_types;
  const types = ['recent', 'full'] as const;
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents), { types });
  t.true(rows.length > 10);
  // While one is being made, the answer is 503.
  for (const type of types)
    await until(async () => (await fetch(`${url}/manifest?type=${type}`)).status === 200);
  for (const { query, expect } of rows) {
    const wanted = expect === '200' || query === '' ? 200 : 400;
    for (const target of [`${url}?${query}`, `${url}/manifest?${query}`]) {
      const response = await fetch(target);
      t.is(response.status, wanted, target);
      if (wanted === 400) t.is(await codeOf(response), 'BAD_REQUEST');
      else await bodyOf(response);
      t.not(response.headers.get('x-snapshot-height'), '9');
    }
  }
});

test('a codec or a type that is not served is refused by name', async (t) => {
  const { url } = await serveSnapshots(t, await LedgerSource.of(documents), {
    types: ['recent'],
    codecs: ['gzip'],
  });
  for (const codec of ['identity', 'bzip2', '__proto__', '%00']) {
    const response = await fetch(`${url}?codec=${codec}`);
    t.is(response.status, 400);
    t.is(await codeOf(response), 'CODEC_UNAVAILABLE');
  }
  for (const query of ['codec=', 'codec=gzip&codec=gzip', 'codec[]=gzip']) {
    const response = await fetch(`${url}?${query}`);
    t.is(response.status, 400);
    t.is(await codeOf(response), 'BAD_REQUEST');
  }
  const full = await fetch(`${url}?type=full`);
  t.is(full.status, 404);
  t.is(await codeOf(full), 'SNAPSHOT_UNAVAILABLE');
});

/** Node's client sends a path as it is; `fetch` would tidy it up. */
function rawGet(origin: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    get({ hostname, port, path }, resolve).on('error', reject);
  });
}

test('a path leads to a snapshot or to nothing, never to another file', async (t) => {
  const { origin, url, directory } = await serveSnapshots(t, await LedgerSource.of(documents));
  const { id } = await manifestAt(`${url}/manifest`);
  await writeFile(join(directory, 'secret'), 'secret');
  const tails = [
    'secret',
    '../secret',
    '..%2fsecret',
    '%2e%2e/secret',
    `${id}%00`,
    `${id}/`,
    `${id}/snapshot.gz`,
    `${id}/manifest/`,
    `${id}/manifest.json`,
    `${id}/../${id}`,
    `%2e/${id}`,
    `.${id}`,
    `/${id}`,
    'manifest/manifest',
    'a'.repeat(5_000),
    '',
    '__proto__',
    'constructor/manifest',
  ];
  for (const tail of tails) {
    const response = await rawGet(origin, `/sync/snapshot/${tail}`);
    t.is(response.statusCode, 404, tail);
    response.resume();
  }
  const gone = await fetch(`${url}/recent-1-0123`);
  t.is(gone.status, 404);
  t.is(await codeOf(gone), 'SNAPSHOT_GONE');
});

const linuxTest = existsSync('/proc/self/io') ? test.serial : test.skip;

linuxTest('a client that reads nothing makes the server read little, and leaves no file open', async (t) => {
  const { url, origin, directory } = await serveSnapshots(t, await LedgerSource.of(bulk), {
    codecs: ['identity'],
  });
  const { id, size, hash } = await manifestAt(`${url}/manifest`);
  const isOpen = (): boolean =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
      } catch {
        return false;
      }
    });
  const bytesRead = (): number => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
  const before = bytesRead();
  const response = await rawGet(origin, `/sync/snapshot/${id}`);
  await until(isOpen);
  // Looking at the figure is reading too.
  await standsStill(() => Math.round(bytesRead() / 1_000_000));
  t.true(bytesRead() - before < size / 2, `${bytesRead() - before} of ${size} bytes were read`);
  response.destroy();
  await until(() => !isOpen());
  const document = await bodyOf(await fetch(`${url}/${id}`));
  t.is(sha256(document.subarray(0, document.lastIndexOf(',"hash":"'))), hash);
  await until(() => !isOpen());
});

test('a signature that was added to a manifest is served, and nothing else that was changed', async (t) => {
  const { url, directory, events } = await serveSnapshots(t, await LedgerSource.of(documents));
  const first = await manifestAt(`${url}/manifest`);
  const path = join(directory, first.id, 'manifest.json');
  const put = (manifest: SnapshotManifest): Promise<void> => writeFile(path, JSON.stringify(manifest));
  const other = { signer: nodeSigner().publicKey, signature: 'ab'.repeat(64) };
  const signed = { ...first, signatures: [...first.signatures, other] };
  await put(signed);
  t.deepEqual(await manifestAt(`${url}/${first.id}/manifest`), signed);
  t.deepEqual(await manifestAt(`${url}/manifest`), signed);
  await put({ ...signed, height: first.height + 1 });
  t.deepEqual(await manifestAt(`${url}/manifest`), signed);
  await writeFile(path, '{"half":');
  t.deepEqual(await manifestAt(`${url}/${first.id}/manifest`), signed);
  t.is(events.filter(({ kind }) => kind === 'unusable').length, 2);
});

test('more downloads than the limit are told to come back', async (t) => {
  const { url, origin } = await serveSnapshots(t, await LedgerSource.of(bulk), { limits: { maxStreams: 2 } });
  const { id } = await manifestAt(`${url}/manifest`);
  const open = await Promise.all([1, 2].map(() => rawGet(origin, `/sync/snapshot/${id}`)));
  const refused = await fetch(`${url}/manifest`);
  t.is(refused.status, 503);
  t.is(await codeOf(refused), 'SERVER_BUSY');
  t.is(refused.headers.get('retry-after'), '5');
  for (const response of open) response.destroy();
  let status = 503;
  await until(async () => {
    ({ status } = await fetch(`${url}/manifest`));
    return status !== 503;
  });
  t.is(status, 200);
});
