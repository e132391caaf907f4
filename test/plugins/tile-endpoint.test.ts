import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chain } from '../../src/index.js';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import compression from 'compression';
import express from 'express';
import type { BlockSource, CachePolicy, Tile } from '../../src/contracts/index.js';
import { http2Fetch } from '../../src/http2-client/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { closeHttp2Server, createHttp2CleartextServer } from '../../src/server/http2.js';
import { createSyncServer, nodeListener, type SyncServerConfig } from '../../src/server/index.js';
import { entryLine } from '../../src/tiles/entry.js';
import { PAGE_HEIGHTS, tileNameOf, tilePath } from '../../src/tiles/name.js';
import { indexPage, Pages } from '../../plugins/transport-tile/server/page.js';
import { listenAt } from '../server/http2-support.js';
import { MemorySource } from '../helpers/memory-source.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { TileList, tileOf, TileSource } from '../helpers/tile-list.js';
import { get } from './transport-json-range-support.js';
import { openTiled, tiledChain, tiledDocuments } from '../helpers/tiled-chain.js';
import { turns, until } from '../helpers/waiting.js';

const documents = tiledDocuments(400);

/** What the tests read and none of them changes. */
let chain: Chain;
let directory: string;
test.before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'blockferry-'));
  chain = await openTiled(directory, documents);
});
test.after.always(async () => {
  await chain.close();
  rmSync(directory, { recursive: true, force: true });
});

const IMMUTABLE = 'max-age=31536000, immutable, no-transform';

/** Serves a source by `node:http`. */
async function serve(
  t: ExecutionContext,
  source: BlockSource,
  more: Partial<SyncServerConfig> = {},
): Promise<string> {
  const server = createSyncServer({ source, ...more });
  t.teardown(() => server.close({ graceMs: 0 }));
  return `${await listen(t, nodeListener(server, { clientKey: clientOf }))}/sync`;
}

/** Who a client says it is. */
const clientOf = ({ headers }: IncomingMessage): string => String(headers['x-client']);

async function tilesOf({ tiles }: BlockSource): Promise<readonly Tile[]> {
  return (await tiles?.list({ from: 0, to: Number.MAX_SAFE_INTEGER })) ?? [];
}

const pathOf = (tile: Tile): string => `tiles/${tilePath(tileNameOf(tile))}`;
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

interface StatusTiles {
  readonly tiles: { readonly from: number; readonly to: number; readonly tail: null } | null;
}

async function statusTiles(url: string): Promise<StatusTiles['tiles']> {
  return ((await (await fetch(`${url}/status`)).json()) as StatusTiles).tiles;
}

test('each tile is sent under its name as the store has it, and is the documents as NDJSON', async (t) => {
  const url = await serve(t, chain);
  const tiles = await tilesOf(chain);
  t.true(tiles.length > 2);
  for (const tile of tiles) {
    const response = await fetch(`${url}/${pathOf(tile)}`);
    t.is(response.status, 200);
    t.is(response.headers.get('content-type'), 'application/gzip');
    t.is(response.headers.get('content-encoding'), null);
    t.is(response.headers.get('cache-control'), `private, ${IMMUTABLE}`);
    t.is(response.headers.get('accept-ranges'), 'bytes');
    t.regex(response.headers.get('etag') ?? '', /^"[^"]+"$/);
    const body = await bytesOf(response);
    t.is(response.headers.get('content-length'), String(body.length));
    t.true(body.equals((await chain.tiles?.body(tile)) ?? Buffer.of()));
    t.true(gunzipSync(body).equals(ndjson(documents.slice(tile.from, tile.to + 1))));
  }
});

test('a name with another digest, other heights or another page is 404, and no cache keeps that', async (t) => {
  const url = await serve(t, chain);
  const [tile] = (await tilesOf(chain)) as [Tile];
  const path = pathOf(tile);
  const wrong = [
    path.replace(/[0-9a-f]{32}/, '0'.repeat(32)),
    `tiles/${tilePath({ ...tileNameOf(tile), to: tile.to + 1 })}`,
    `tiles/${tilePath({ ...tileNameOf(tile), from: tile.from + 1 })}`,
    path.replace('/000/', '/001/'),
    path.replace('/000/', '/x000/000/'),
    path.replace('tiles/000/', 'tiles/'),
    path.replace('tiles/000/', 'tiles/000//'),
    path.toUpperCase().replace('TILES', 'tiles'),
    path.replace('.gz', ''),
    path.replace('tiles/000', 'tiles/000/../000'),
    path.replace('tiles/000', 'tiles/000/%2e%2e/000'),
    'tiles/../status',
    'tiles/',
    'tiles/000/',
    'tiles/000',
    'tiles/index.ndjson',
    'tiles/0/index.ndjson',
    'tiles/001/index.ndjson',
    'tiles/x001/000/index.ndjson',
    `tiles/${'x999/'.repeat(2_000)}000/index.ndjson`,
  ];
  for (const each of wrong) {
    // Not `fetch`, which resolves dots.
    const { status, headers, body } = await get(new URL(url).origin, `/sync/${each}`);
    t.is(status, 404, each);
    t.is(headers['cache-control'], 'no-store', each);
    t.is((JSON.parse(body) as { code: string }).code, 'NOT_FOUND', each);
  }
});

test('a tile answers HEAD, conditions and ranges as RFC 9110 asks', async (t) => {
  const url = await serve(t, chain);
  const [tile] = (await tilesOf(chain)) as [Tile];
  const at = `${url}/${pathOf(tile)}`;
  const whole = await bytesOf(await fetch(at));
  const head = await fetch(at, { method: 'HEAD' });
  const etag = head.headers.get('etag') ?? '';
  t.is(head.status, 200);
  t.is(head.headers.get('content-length'), String(whole.length));
  t.is((await bytesOf(head)).length, 0);

  const known = await fetch(at, { headers: { 'if-none-match': `"other", W/${etag}` } });
  t.is(known.status, 304);
  t.is(known.headers.get('etag'), etag);
  t.is(known.headers.get('cache-control'), `private, ${IMMUTABLE}`);
  t.is((await fetch(at, { headers: { 'if-none-match': '"other"' } })).status, 200);

  const ranges: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=10-99', 10, 100],
    ['bytes=100-', 100, whole.length],
    ['bytes=-7', whole.length - 7, whole.length],
    [`bytes=5-${whole.length * 2}`, 5, whole.length],
  ];
  for (const [range, start, end] of ranges) {
    const part = await fetch(at, { headers: { range } });
    t.is(part.status, 206, range);
    t.is(part.headers.get('content-range'), `bytes ${start}-${end - 1}/${whole.length}`, range);
    t.true((await bytesOf(part)).equals(whole.subarray(start, end)), range);
  }
  for (const range of ['bytes=2-1', 'bytes=0-1,3-4', 'lines=1-2'])
    t.is((await fetch(at, { headers: { range } })).status, 200, range);
  const beyond = await fetch(at, { headers: { range: `bytes=${whole.length}-` } });
  t.is(beyond.status, 416);
  t.is(beyond.headers.get('content-range'), `bytes */${whole.length}`);
  const same = await fetch(at, { headers: { range: 'bytes=1-2', 'if-range': etag } });
  t.is(same.status, 206);
  const other = await fetch(at, { headers: { range: 'bytes=1-2', 'if-range': '"other"' } });
  t.is(other.status, 200);
  t.is((await fetch(at, { method: 'POST' })).status, 405);
});

test('the index of a page has a line for each tile, a validator, and says that more may come', async (t) => {
  const url = await serve(t, chain);
  const response = await fetch(`${url}/tiles/000/index.ndjson`);
  t.is(response.headers.get('content-type'), 'application/x-ndjson');
  t.is(response.headers.get('cache-control'), 'no-cache, no-transform');
  const etag = response.headers.get('etag') ?? '';
  const text = await response.text();
  const lines = text.split('\n');
  t.is(lines.pop(), '');
  t.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    (await tilesOf(chain)).map(({ from, to, hash, documentBytes, bytes }) => {
      return { from, to, hash, documentBytes, bytes };
    }),
  );
  const known = await fetch(`${url}/tiles/000/index.ndjson`, { headers: { 'if-none-match': etag } });
  t.is(known.status, 304);
  const head = await fetch(`${url}/tiles/000/index.ndjson`, { method: 'HEAD' });
  t.is(head.headers.get('content-length'), String(Buffer.byteLength(text)));
  t.is(head.headers.get('etag'), etag);
});

test('a page is for good when all its heights are in tiles and final, and not before', async (t) => {
  const last = PAGE_HEIGHTS - 1;
  const all = Array.from({ length: 64 }, (_, at) => tileOf(at * 1024, at * 1024 + 1023));
  const from1 = [tileOf(1, 1023), ...all.slice(1)];
  const finalAt = (height: number | null): Pick<BlockSource, 'tip'> => ({
    tip: () => ({
      base: 0,
      head: { height: 200_000, hash: 'h' },
      confirmed: null,
      finalized: height === null ? null : { height, hash: 'f' },
    }),
  });
  const isFinal = async (tiles: readonly Tile[], height: number | null): Promise<boolean | undefined> =>
    (await indexPage(finalAt(height), new TileList(tiles), 0))?.isFinal;
  t.true(await isFinal(all, last));
  t.true(await isFinal(from1, last));
  t.false(await isFinal(all, last - 1));
  t.false(await isFinal(all, null));
  t.false(await isFinal(all.slice(0, -1), last));
  t.false(await isFinal(all.slice(1), last));
  t.false(await isFinal([...all.slice(0, 5), ...all.slice(6)], last));
  const second = all.map((tile) => tileOf(tile.from + PAGE_HEIGHTS, tile.to + PAGE_HEIGHTS));
  const page = await indexPage(finalAt(2 * PAGE_HEIGHTS - 1), new TileList(second), PAGE_HEIGHTS);
  t.true(page?.isFinal);
});

test('a page with a hole has the tiles behind it', async (t) => {
  const tiles = [tileOf(0, 1023), tileOf(2048, 3071), tileOf(3072, 4095)];
  const url = await serve(t, new TileSource(tiles, () => null));
  const text = await (await fetch(`${url}/tiles/000/index.ndjson`)).text();
  const froms = text.trimEnd().split('\n');
  t.deepEqual(
    froms.map((line) => (JSON.parse(line) as Tile).from),
    [2048, 3072],
  );
});

const POLICIES: readonly (readonly [CachePolicy, string, string])[] = [
  ['private', `private, ${IMMUTABLE}`, 'no-cache, no-transform'],
  ['public', `public, ${IMMUTABLE}`, 'no-cache, no-transform'],
  ['no-store', 'no-store, no-transform', 'no-store, no-transform'],
];

test('pages are made one at a time, each once for all who wait for it, and none for those who have gone', async (t) => {
  const list = new TileList([tileOf(0, 1023), tileOf(PAGE_HEIGHTS, PAGE_HEIGHTS + 1023)]);
  const open: (() => void)[] = [];
  const gated: Pick<TileList, 'list'> = {
    list: async (range) => {
      await new Promise<void>((resolve) => void open.push(resolve));
      return list.list(range);
    },
  };
  const pages = new Pages(new MemorySource(), gated);
  const { signal } = new AbortController();
  const leaving = new AbortController();
  const first = [pages.get(0, signal), pages.get(0, signal)];
  const gone = pages.get(2 * PAGE_HEIGHTS, leaving.signal);
  const second = pages.get(PAGE_HEIGHTS, signal);
  await turns(20);
  t.is(open.length, 1);
  leaving.abort();
  await t.throwsAsync(gone, { code: 'ABORTED' });
  open[0]?.();
  const [one, other] = await Promise.all(first);
  t.is(one?.bytes.length, entryLine(tileOf(0, 1023)).length);
  t.is(other, one);
  await until(() => open.length === 2);
  open[1]?.();
  t.is((await second)?.bytes.toString(), entryLine(tileOf(PAGE_HEIGHTS, PAGE_HEIGHTS + 1023)));
  t.deepEqual(
    list.lists.map(({ from }) => from),
    [0, PAGE_HEIGHTS],
  );
  // Nothing is kept: the next one sees what has come since.
  const again = pages.get(0, signal);
  await until(() => open.length === 3);
  list.tiles.splice(0);
  open[2]?.();
  t.is(await again, null);
});

test('a page that can not be read keeps none behind it from being made', async (t) => {
  const list = new TileList([tileOf(PAGE_HEIGHTS, PAGE_HEIGHTS + 1023)]);
  const failing: Pick<TileList, 'list'> = {
    list: (range) => (range.from === 0 ? Promise.reject(new Error('damaged')) : list.list(range)),
  };
  const pages = new Pages(new MemorySource(), failing);
  const { signal } = new AbortController();
  const asked = [pages.get(0, signal), pages.get(PAGE_HEIGHTS, signal)] as const;
  await t.throwsAsync(asked[0], { message: 'damaged' });
  t.not(await asked[1], null);
});

test("who may keep tiles is the operator's word", async (t) => {
  const [tile] = (await tilesOf(chain)) as [Tile];
  for (const [cache, forTile, forIndex] of POLICIES) {
    const url = await serve(t, chain, { cache });
    t.is((await fetch(`${url}/${pathOf(tile)}`)).headers.get('cache-control'), forTile);
    t.is((await fetch(`${url}/tiles/000/index.ndjson`)).headers.get('cache-control'), forIndex);
  }
});

test('where hashes leave bytes open, name and line have the digest of the documents', async (t) => {
  const lines = Buffer.from('{"a":1}\n{"a":2}\n');
  const digest = createHash('sha256').update(lines).digest('hex');
  const tile = tileOf(0, 1023, { digest, bytes: lines.length });
  const url = await serve(t, new TileSource([tile], () => lines));
  const named = `0000000000000000-0000000000001023-${digest.slice(0, 32)}.ndjson.gz`;
  t.is((await fetch(`${url}/tiles/000/${named}`)).status, 200);
  const byHash = tilePath(tileNameOf({ ...tile, digest: null }));
  t.is((await fetch(`${url}/tiles/${byHash}`)).status, 404);
  const [line = ''] = (await (await fetch(`${url}/tiles/000/index.ndjson`)).text()).split('\n');
  t.is((JSON.parse(line) as { digest: string }).digest, digest);
});

test('a rollback takes tiles out of the index and the status, and their names lead nowhere', async (t) => {
  const own = await tiledChain(t, documents, null);
  const url = await serve(t, own);
  const before = await tilesOf(own);
  t.deepEqual(await statusTiles(url), { from: 0, to: before.at(-1)?.to, tail: null });
  const target = before[1] as Tile;
  const height = target.to - 5;
  const header = await own.header(height);
  await own.rollback({ height, hash: header?.hash ?? '' });
  const left = await tilesOf(own);
  t.true(left.length < before.length - 1);
  t.deepEqual(
    await statusTiles(url),
    left.length === 0 ? null : { from: 0, to: left.at(-1)?.to, tail: null },
  );
  const index = await (await fetch(`${url}/tiles/000/index.ndjson`)).text();
  const named = left.length === 0 ? [] : index.trimEnd().split('\n');
  t.is(left.length === 0 ? 0 : named.length, left.length);
  t.is((await fetch(`${url}/${pathOf(target)}`)).status, 404);
});

test('the status tells of tiles that are made while it is served', async (t) => {
  const own = await tiledChain(t, documents.slice(0, 100), { depth: 0 });
  const url = await serve(t, own);
  t.is(await statusTiles(url), null);
  await own.append(documents.slice(100));
  await until(async () => (await statusTiles(url))?.to === (await tilesOf(own)).at(-1)?.to);
});

test('a source without tiles has no such paths, and says so in its status', async (t) => {
  const url = await serve(t, new MemorySource(documents.slice(0, 3)));
  t.is(await statusTiles(url), null);
  t.is((await fetch(`${url}/tiles/000/index.ndjson`)).status, 404);
  const middleware = syncMiddleware({ source: new MemorySource() });
  t.teardown(() => middleware.close());
  const app = express().use('/sync', middleware);
  app.use((_req, res) => void res.status(418).end());
  t.is((await fetch(`${await listen(t, app)}/sync/tiles/000/index.ndjson`)).status, 418);
});

test('a tile that is gone before its body is read is 404', async (t) => {
  const tile = tileOf(0, 1023);
  const url = await serve(t, new TileSource([tile], () => null));
  t.is((await fetch(`${url}/${pathOf(tile)}`)).status, 404);
});

test('Express with compression, and HTTP/2, send the same bytes and the same words', async (t) => {
  const [tile] = (await tilesOf(chain)) as [Tile];
  const middleware = syncMiddleware({ source: chain, cache: 'public' });
  t.teardown(() => middleware.close());
  const app = express()
    .use(compression({ threshold: 0 }))
    .use('/sync', middleware);
  const origin = await listen(t, app);
  const http2 = createHttp2CleartextServer(app);
  const port = await listenAt(http2);
  t.teardown(() => closeHttp2Server(http2, { graceMs: 0 }));
  const client = http2Fetch();
  t.teardown(() => client.close());
  const body = Buffer.from((await chain.tiles?.body(tile)) ?? []);
  const answers = [
    await fetch(`${origin}/sync/${pathOf(tile)}`),
    await client(`http://127.0.0.1:${port}/sync/${pathOf(tile)}`),
  ];
  for (const response of answers) {
    t.is(response.status, 200);
    t.is(response.headers.get('content-type'), 'application/gzip');
    t.is(response.headers.get('content-encoding'), null);
    t.is(response.headers.get('content-length'), String(body.length));
    t.is(response.headers.get('cache-control'), `public, ${IMMUTABLE}`);
    t.true(Buffer.from(await response.arrayBuffer()).equals(body));
  }
  const part = await client(`http://127.0.0.1:${port}/sync/${pathOf(tile)}`, {
    headers: { range: 'bytes=3-9' },
  });
  t.is(part.status, 206);
  t.deepEqual(Buffer.from(await part.arrayBuffer()), body.subarray(3, 10));
});

/** A client that asks for a path and reads nothing. */
async function deaf(t: ExecutionContext, url: string, client = ''): Promise<Socket> {
  const { port, pathname } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: x\r\nX-Client: ${client}\r\n\r\n`);
  return socket;
}

const statusOf = (url: string, client = ''): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, headers: { 'x-client': client } }, (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });

test('a tile counts as an answer until its client has taken it, and its place is free when that has gone', async (t) => {
  // More than the buffers of a connection take.
  const body = randomBytes(24 * 1024 * 1024);
  const tile = tileOf(0, 0, { bytes: body.length, documentBytes: body.length });
  const url = await serve(t, new TileSource([tile], () => body), { limits: { maxAnswersPerClient: 2 } });
  const at = `${url}/${pathOf(tile)}`;
  const sockets = [await deaf(t, at), await deaf(t, at)];
  await until(async () => (await statusOf(at)) === 429);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await statusOf(at)) === 200);
  t.pass();
});

test('bodies that clients do not take are bounded in bytes, and what is too much is told to come again', async (t) => {
  const body = randomBytes(70 * 1024 * 1024);
  const tile = tileOf(0, 0, { bytes: body.length, documentBytes: body.length });
  const url = await serve(t, new TileSource([tile], () => body));
  const at = `${url}/${pathOf(tile)}`;
  for (const client of ['a', 'b', 'c']) await deaf(t, at, client);
  await until(async () => (await statusOf(at, 'd')) === 503);
  const busy = await fetch(at, { headers: { 'x-client': 'd' } });
  t.is(busy.status, 503);
  t.is(busy.headers.get('retry-after'), '1');
  t.is(((await busy.json()) as { code: string }).code, 'SERVER_BUSY');
});

test('one client that does not take its bodies keeps no other from tiles', async (t) => {
  const body = randomBytes(40 * 1024 * 1024);
  const tile = tileOf(0, 0, { bytes: body.length, documentBytes: body.length });
  const url = await serve(t, new TileSource([tile], () => body));
  const at = `${url}/${pathOf(tile)}`;
  const socket = await deaf(t, at, 'a');
  await until(async () => (await statusOf(at, 'a')) === 429);
  const refused = await fetch(at, { headers: { 'x-client': 'a' } });
  t.is(refused.status, 429);
  t.is(refused.headers.get('retry-after'), '1');
  t.is(((await refused.json()) as { code: string }).code, 'TOO_MANY_STREAMS');
  t.is(await statusOf(at, 'b'), 200);
  socket.destroy();
  await until(async () => (await statusOf(at, 'a')) === 200);
});

test('a server that closes waits for a tile that is being read', async (t) => {
  const tile = tileOf(0, 1023);
  const source = new TileSource([tile], () => null);
  let end = (): void => undefined;
  let isReading = false;
  const body = (): Promise<null> =>
    new Promise((resolve) => {
      isReading = true;
      end = () => {
        resolve(null);
      };
    });
  Object.assign(source.tiles, { body });
  const server = createSyncServer({ source });
  const url = `${await listen(t, nodeListener(server))}/sync`;
  const answer = fetch(`${url}/${pathOf(tile)}`);
  await until(() => isReading);
  let isClosed = false;
  const closing = server.close({ graceMs: 0 }).then(() => (isClosed = true));
  await turns(50);
  t.false(isClosed);
  end();
  await closing;
  // It may come again, to another server.
  t.is((await answer).status, 503);
});

test('a body that is not as long as the tile says is not sent', async (t) => {
  const errors: unknown[] = [];
  const tile = tileOf(0, 1023, { bytes: 60 });
  const onError = (error: unknown): void => void errors.push(error);
  const url = await serve(t, new TileSource([tile], () => new Uint8Array(59)), { onError });
  t.is((await fetch(`${url}/${pathOf(tile)}`)).status, 500);
  t.is(errors.length, 1);
});
