import { getEventListeners } from 'node:events';
import test from 'ava';
import type { VerifyTile, WireItem } from '../../src/contracts/index.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { chainOf, tileFolder } from '../helpers/tile-folder.js';
import { standsStill, until } from '../helpers/waiting.js';
import {
  codeOf,
  documents,
  documentsOf,
  fetchTiles,
  plainFolder,
  RANGES,
  rangesOf,
  send,
  sendersOf,
  serveFolder,
  SIZES,
  tileAt,
  tileRequest,
  tilesAsked,
  tilesOf,
  transport,
  verifyTile,
  wholeFolder,
} from './transport-tile-support.js';

const { signal } = new AbortController();

/** Verifies as usual, and notes the first heights of what it has verified. */
function watchedVerify(): { readonly watched: VerifyTile; readonly verified: ReadonlySet<number> } {
  const verified = new Set<number>();
  const watched: VerifyTile = async (entry, body, options) => {
    const tile = await verifyTile(entry, body, options);
    verified.add(entry.from);
    return tile;
  };
  return { watched, verified };
}

test('a folder of files brings all tiles and the tail, in order, and says where it ends', async (t) => {
  const folder = await wholeFolder(t);
  const server = await serveFolder(t, folder);
  const { items, error } = await fetchTiles(server);
  t.is(error, null);
  t.deepEqual(rangesOf(items), [...RANGES, '20-22']);
  t.true(documentsOf(items).equals(ndjson(documents)));
  t.deepEqual(items.at(-1), { kind: 'complete', head: { height: 22, hash: folder.tail?.hash ?? '' } });
  t.deepEqual(new Set(sendersOf(items)), new Set([undefined]));
  t.is(tilesAsked(server).length, 7);
});

test('without a tail it ends with the last tile', async (t) => {
  const folder = await plainFolder(t);
  const { items } = await fetchTiles(await serveFolder(t, folder));
  t.deepEqual(rangesOf(items), RANGES);
  t.deepEqual(items.at(-1), {
    kind: 'complete',
    head: { height: 19, hash: folder.entries.at(-1)?.hash ?? '' },
  });
});

for (const [from, to, ranges] of [
  [5, null, ['4-7', '8-15', '16-17', '18-19', '20-22']],
  [5, 9, ['4-7', '8-15']],
  [3, 3, ['2-3']],
  [8, 19, ['8-15', '16-17', '18-19']],
  [18, 20, ['18-19', '20-22']],
  [21, null, ['20-22']],
] as const)
  test(`from ${from} to ${to ?? 'the end'} it brings the tiles that have these blocks, and no others`, async (t) => {
    const server = await serveFolder(t, await wholeFolder(t));
    const { items, error } = await fetchTiles(server, { from, to });
    t.is(error, null);
    t.deepEqual(rangesOf(items), ranges);
    t.is(tilesAsked(server).length, ranges.length);
  });

test('a chain whose tiles are on two pages comes whole', async (t) => {
  const blocks = chainOf(new Array<number>(2048).fill(10), { from: 64_512 });
  const server = await serveFolder(t, await tileFolder(t, blocks));
  const { items, error } = await fetchTiles(server, { from: 64_600 });
  t.is(error, null);
  t.deepEqual(rangesOf(items), ['64512-65535', '65536-66559']);
  t.true(documentsOf(items).equals(ndjson(blocks)));
});

test('a folder that has nothing but a tail brings it', async (t) => {
  const blocks = chainOf([10, 10, 10]);
  const { items, error } = await fetchTiles(
    await serveFolder(t, await tileFolder(t, blocks, { hasTail: true })),
  );
  t.is(error, null);
  t.deepEqual(rangesOf(items), ['0-2']);
});

test('a status that was read a moment ago is not read again', async (t) => {
  const server = await serveFolder(t, await plainFolder(t));
  const tiles = transport();
  const status = await tiles.status(server.peer, { signal });
  t.deepEqual(status?.tiles, { from: 0, to: 19, tail: null });
  for await (const items of tiles.open(tileRequest(server.peer), { signal })) t.is(items.length, 1);
  t.is(server.asked.filter(({ path }) => path === 'status').length, 1);
});

test('where the peer has no tiles at all, or none with the first block, it says so', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder);
  const above = await fetchTiles(server, { from: 20 });
  t.is(codeOf(above), 'STREAM_TRUNCATED');
  t.deepEqual(above.items, []);
  const later = await serveFolder(
    t,
    await tileFolder(t, chainOf(new Array<number>(1024).fill(10), { from: 1024 })),
  );
  const below = await fetchTiles(later, { from: 1000 });
  t.is(codeOf(below), 'BELOW_BASE');
  t.is(below.error?.context.base, 1024);
  const none = await serveFolder(t, { files: new Map() });
  t.is(codeOf(await fetchTiles(none)), 'PEER_NOT_FOUND');
});

test('without `verifyTile` it refuses the call', async (t) => {
  const { peer } = await serveFolder(t, await plainFolder(t));
  const { verifyTile: left, ...request } = tileRequest(peer);
  t.is(left, verifyTile);
  await t.throwsAsync(
    async () => {
      for await (const items of transport().open(request, { signal })) t.fail(`${items.length} came`);
    },
    { instanceOf: TypeError },
  );
});

test('four requests are begun at once, and others as they end', async (t) => {
  const folder = await plainFolder(t);
  const held: (() => void)[] = [];
  const server = await serveFolder(t, folder, ({ path }, pass) => {
    if (path.endsWith('.gz')) held.push(pass);
    else pass();
  });
  const all = fetchTiles(server, {}, { hedgeAfterMs: 60_000 });
  await until(() => held.length === 4);
  t.is(await standsStill(() => held.length), 4);
  for (let at = 0; at < 6; at++) {
    await until(() => held.length > at);
    held[at]?.();
  }
  t.deepEqual(rangesOf((await all).items), RANGES);
});

test('while a reader holds a tile, no more is fetched than has room beside it', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder);
  // The first has 1.5 MB, the second 3 MB, the third 1.6 MB.
  const reader = transport({ maxHeldBytes: 4_700_000 })
    .open(tileRequest(server.peer), { signal })
    [Symbol.asyncIterator]();
  await reader.next();
  t.is(await standsStill(() => tilesAsked(server).length), 2);
  await reader.next();
  t.is(await standsStill(() => tilesAsked(server).length, 2), 3);
  await reader.return?.();
});

test('tiles of small blocks are held with their bodies and headers, and not only with their documents', async (t) => {
  const folder = await tileFolder(t, chainOf(new Array<number>(3072).fill(1)));
  t.is(folder.entries.length, 3);
  const server = await serveFolder(t, folder);
  const maxHeldBytes = folder.entries.reduce((sum, { documentBytes }) => sum + documentBytes, 0);
  const reader = transport({ maxHeldBytes })
    .open(tileRequest(server.peer), { signal })
    [Symbol.asyncIterator]();
  await reader.next();
  t.is(await standsStill(() => tilesAsked(server).length), 1);
  await reader.return?.();
});

test('while it is the reader that is waited for, no more tiles are fetched than requests may be open', async (t) => {
  const folder = await tileFolder(t, chainOf(new Array<number>(12 * 1024).fill(1)));
  t.is(folder.entries.length, 12);
  const server = await serveFolder(t, folder);
  const reader = transport().open(tileRequest(server.peer), { signal })[Symbol.asyncIterator]();
  await reader.next();
  t.true((await standsStill(() => tilesAsked(server).length)) <= 9);
  for (let tiles = 1; tiles < 12; tiles++) t.is((await reader.next()).done, false);
  t.is(tilesAsked(server).length, 12);
  await reader.return?.();
});

test('a budget that no tile has room in brings one after the other', async (t) => {
  const folder = await plainFolder(t);
  let most = 0;
  const server = await serveFolder(t, folder, (_request, pass) => {
    most = Math.max(most, server.open());
    pass();
  });
  const { items } = await fetchTiles(server, {}, { maxHeldBytes: 1 });
  t.deepEqual(rangesOf(items), RANGES);
  t.is(most, 1);
});

test('a reader that leaves ends all requests, and no listener stays', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass) => {
    if (path === tileAt(folder, 0) || !path.endsWith('.gz')) pass();
  });
  const controller = new AbortController();
  for await (const items of transport().open(tileRequest(server.peer), { signal: controller.signal })) {
    t.deepEqual(rangesOf(items), ['0-1']);
    await until(() => server.open() > 2);
    break;
  }
  await until(() => server.open() === 0);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('an abort ends the wait for a tile and all requests', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.gz')) pass();
  });
  const controller = new AbortController();
  const items: WireItem[] = [];
  const all = (async (): Promise<void> => {
    for await (const batch of transport().open(tileRequest(server.peer), { signal: controller.signal }))
      items.push(...batch);
  })();
  await until(() => server.open() === 4);
  controller.abort();
  const error = await t.throwsAsync(all, { name: 'AbortError' });
  t.is(error.name, 'AbortError');
  t.deepEqual(items, []);
  await until(() => server.open() === 0);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('what was verified when a peer failed is not fetched again from the next one', async (t) => {
  const folder = await plainFolder(t);
  const { watched, verified } = watchedVerify();
  const bad = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== tileAt(folder, 2)) pass();
    else
      void until(() => [0, 4, 8].every((from) => verified.has(from))).then(() =>
        response.writeHead(403).end(),
      );
  });
  const tiles = transport();
  const taken: WireItem[] = [];
  const failure = await t.throwsAsync(async () => {
    const request = tileRequest(bad.peer, { verifyTile: watched });
    for await (const items of tiles.open(request, { signal })) taken.push(...items);
  });
  t.is((failure as { code?: string }).code, 'PEER_UNAUTHORIZED');
  t.deepEqual(rangesOf(taken), ['0-1']);
  const good = await serveFolder(t, folder);
  for await (const items of tiles.open(tileRequest(good.peer, { from: 2 }), { signal })) taken.push(...items);
  t.deepEqual(rangesOf(taken), RANGES);
  t.true(documentsOf(taken).equals(ndjson(documents.slice(0, 20))));
  const again = tilesAsked(good);
  t.true(again.includes(2));
  t.false(again.includes(4) || again.includes(8), again.join());
  t.true(sendersOf(taken).includes(bad.peer.url));
});

test('what was verified is not taken for a tile of another branch', async (t) => {
  const folder = await plainFolder(t);
  const other = await tileFolder(t, chainOf(SIZES, { branch: 'other' }));
  const { watched, verified } = watchedVerify();
  const bad = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== tileAt(folder, 0)) pass();
    else void until(() => verified.size >= 3).then(() => response.writeHead(403).end());
  });
  const tiles = transport();
  await t.throwsAsync(async () => {
    const request = tileRequest(bad.peer, { verifyTile: watched });
    for await (const items of tiles.open(request, { signal })) t.fail(`${items.length} came`);
  });
  const server = await serveFolder(t, other);
  const taken: WireItem[] = [];
  for await (const items of tiles.open(tileRequest(server.peer), { signal })) taken.push(...items);
  t.true(documentsOf(taken).equals(ndjson(other.documents.slice(0, 20))));
  t.is(tilesAsked(server).length, tilesOf(taken).length);
});

test('a redirect is not followed', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path === tileAt(folder, 4)) response.writeHead(302, { location: 'http://elsewhere/tile' }).end();
    else pass();
  });
  t.is(codeOf(await fetchTiles(server)), 'REDIRECT_REFUSED');
});

for (const isLabelled of [true, false])
  test(`a tile that comes decoded, ${isLabelled ? 'with' : 'without'} its label, tells what to do`, async (t) => {
    const folder = await plainFolder(t);
    const server = await serveFolder(t, folder, ({ path }, pass, response) => {
      const body = folder.files.get(path);
      if (body === undefined || !path.endsWith('.gz')) pass();
      else if (isLabelled) response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
      else send(response, ndjson(documents.slice(0, 2)));
    });
    const outcome = await fetchTiles(server);
    t.is(codeOf(outcome), 'PEER_NOT_SYNC');
    t.regex(outcome.error?.message ?? '', /came decoded.*application\/gzip without Content-Encoding/);
    t.deepEqual(outcome.items, []);
  });

test('what the verification itself fails with ends the request as it is', async (t) => {
  const server = await serveFolder(t, await plainFolder(t));
  const error = await t.throwsAsync(
    fetchTiles(server, {
      verifyTile: async (entry, body, options) => {
        if (entry.from === 4) throw new RangeError('Not a matter of the peer.');
        return verifyTile(entry, body, options);
      },
    }),
    { instanceOf: RangeError },
  );
  t.is(error.message, 'Not a matter of the peer.');
});
