import test from 'ava';
import { ndjson } from '../helpers/sealed-chain.js';
import { chainOf, tileFolder } from '../helpers/tile-folder.js';
import { turns, until } from '../helpers/waiting.js';
import {
  codeOf,
  documents,
  documentsOf,
  failed,
  fetchTiles,
  type FileServer,
  noTimeLimits,
  plainFolder,
  rangesOf,
  sendersOf,
  serveFolder,
  tileAt,
  tilesAsked,
  withOthers,
  wholeFolder,
} from './transport-tile-support.js';

const whole = ndjson(documents.slice(0, 20));
const patient = { hedgeAfterMs: 60_000 };
const isBody = (path: string): boolean => path.endsWith('.gz');

test('tiles come from all peers that name the same ones, in order, and those of the others say so', async (t) => {
  const blocks = chainOf(new Array<number>(20 * 1024).fill(10));
  const folder = await tileFolder(t, blocks);
  const servers: FileServer[] = [];
  for (let count = 0; count < 3; count++)
    servers.push(await serveFolder(t, folder, (_request, pass) => void turns(3).then(pass)));
  const [first, ...rest] = servers as [FileServer, ...FileServer[]];
  const { more, failures } = await withOthers(rest);
  const { items, error } = await fetchTiles(first, more, patient);
  t.is(error, null);
  t.true(documentsOf(items).equals(ndjson(blocks)));
  for (const server of servers) t.true(tilesAsked(server).length > 1, tilesAsked(server).join());
  t.deepEqual(new Set(sendersOf(items)), new Set([undefined, ...rest.map(({ peer }) => peer.url)]));
  t.is(servers.flatMap(tilesAsked).length, 20);
  t.deepEqual(failures, []);
});

test('without a listener for failures the others are not used', async (t) => {
  const folder = await plainFolder(t);
  const [first, other] = [await serveFolder(t, folder), await serveFolder(t, folder)];
  const { more } = await withOthers([other]);
  const { items } = await fetchTiles(first, { others: more.others ?? [] });
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(tilesAsked(other), []);
});

test('the tail comes from another peer only where that names the same', async (t) => {
  const folder = await wholeFolder(t);
  const other = await serveFolder(t, folder);
  const first = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.startsWith('tiles/tail-')) pass();
  });
  const { more } = await withOthers([other]);
  const { items, error } = await fetchTiles(first, more, { hedgeAfterMs: 200 }, noTimeLimits);
  t.is(error, null);
  t.is(rangesOf(items).at(-1), '20-22');
  t.is(sendersOf(items).at(-1), other.peer.url);
});

test('a tile that takes too long is fetched from another peer as well, and the first request ended', async (t) => {
  const folder = await plainFolder(t);
  const other = await serveFolder(t, folder);
  // On a busy machine the other one may take too long as well, and this one is asked again.
  const slow = await serveFolder(t, folder, ({ path }, pass) => {
    if (path !== tileAt(folder, 4) || tilesAsked(other).includes(4)) pass();
  });
  const { more, failures } = await withOthers([other]);
  const { items, error } = await fetchTiles(slow, more, { hedgeAfterMs: 200 }, noTimeLimits);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.true(tilesAsked(other).includes(4));
  await until(() => slow.open() === 0);
  t.deepEqual(failures, []);
});

test('a peer that is known only when another one was asked again and again brings what that does not', async (t) => {
  const folder = await plainFolder(t);
  let stuck = 0;
  const slow = await serveFolder(t, folder, ({ path }, pass) => {
    if (path === tileAt(folder, 4)) stuck++;
    else pass();
  });
  const isAskedEnough = (): boolean => stuck >= 6;
  const other = await serveFolder(t, folder, ({ path }, pass) => {
    void (path.endsWith('/index.ndjson') ? until(isAskedEnough) : Promise.resolve()).then(pass);
  });
  const { more } = await withOthers([other]);
  const { items, error } = await fetchTiles(slow, more, { hedgeAfterMs: 50 }, noTimeLimits);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.is(stuck, 6);
  t.true(tilesAsked(other).includes(4));
});

test('a tile that many peers keep back is asked for a dozen times, and not more', async (t) => {
  const folder = await plainFolder(t);
  const held: (() => void)[] = [];
  let answers = 0;
  const keptBack = (): Promise<FileServer> =>
    serveFolder(t, folder, ({ path }, pass) => {
      if (path !== tileAt(folder, 4)) {
        pass();
        return;
      }
      held.push(pass);
      // As long as twenty more would have taken.
      if (held.length === 12)
        setTimeout(() => {
          answers = held.length;
          for (const each of held) each();
        }, 1000);
    });
  const [first, ...others] = await Promise.all([keptBack(), keptBack(), keptBack()]);
  const { more } = await withOthers(others);
  const { items, error } = await fetchTiles(first, more, { hedgeAfterMs: 50 }, noTimeLimits);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual([answers, held.length], [12, 12]);
});

for (const [what, begin] of [
  ['answers nothing', null],
  ['sends a few bytes and no more', 10],
] as const)
  test(`a tile of which the only peer ${what} is asked for over another connection`, async (t) => {
    const folder = await plainFolder(t);
    const sockets = new Set<unknown>();
    let stuck = 0;
    const server = await serveFolder(t, folder, ({ path }, pass, response, { socket }) => {
      if (path === tileAt(folder, 4)) sockets.add(socket);
      if (path !== tileAt(folder, 4) || ++stuck > 3) {
        pass();
        return;
      }
      const body = folder.files.get(path) ?? Buffer.from('');
      if (begin !== null)
        response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, begin));
    });
    const { items, error } = await fetchTiles(server, {}, { hedgeAfterMs: 100 }, noTimeLimits);
    t.is(error, null);
    t.true(documentsOf(items).equals(whole));
    t.true(stuck > 3, `${stuck}`);
    t.true(sockets.size > 1);
    await until(() => server.open() === 0);
  });

test('a peer that never sends a tile ends with the time limits, after some requests and not more', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path === tileAt(folder, 4)) response.writeHead(200, { 'content-length': 100_000 }).flushHeaders();
    else pass();
  });
  const outcome = await fetchTiles(server, {}, { hedgeAfterMs: 50 }, { idleTimeoutMs: 1000 });
  t.is(codeOf(outcome), 'STREAM_IDLE');
  t.deepEqual(rangesOf(outcome.items), ['0-1', '2-3']);
  const asked = tilesAsked(server).filter((from) => from === 4).length;
  t.true(asked > 1 && asked < 20, `${asked}`);
  await until(() => server.open() === 0);
});

test('a peer that can’t be reached any more leaves its tiles to the others, and is told of at the end', async (t) => {
  const folder = await plainFolder(t);
  const first = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (isBody(path) && path !== tileAt(folder, 0)) response.destroy();
    else pass();
  });
  const other = await serveFolder(t, folder);
  const { more, failures } = await withOthers([other]);
  const { items, error } = await fetchTiles(first, more, patient);
  t.true(documentsOf(items).equals(whole));
  t.is(error?.code ?? 'PEER_UNREACHABLE', 'PEER_UNREACHABLE');
  t.is(
    items.some(({ kind }) => kind === 'complete'),
    error === null,
  );
  t.deepEqual(failures, []);
});

test('another peer that is gone is told of, and its tiles come from the asked one', async (t) => {
  const folder = await plainFolder(t);
  const other = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (isBody(path)) response.destroy();
    else pass();
  });
  const waiting: (() => void)[] = [];
  const first = await serveFolder(t, folder, ({ path }, pass) => {
    if (!isBody(path) || failures.length > 0) pass();
    else waiting.push(pass);
  });
  const { more, failures } = await withOthers([other]);
  const onPeerFailure: typeof more.onPeerFailure = (peer, error) => {
    more.onPeerFailure?.(peer, error);
    for (const pass of waiting) pass();
  };
  const { items, error } = await fetchTiles(first, { ...more, onPeerFailure }, { hedgeAfterMs: 500 });
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(failed(failures), [[other.peer.url, 'PEER_UNREACHABLE']]);
});

test('a peer that is busy gets fewer requests at once, and is asked again', async (t) => {
  const folder = await tileFolder(t, chainOf(new Array<number>(12 * 1024).fill(10)));
  let refused = 0;
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (isBody(path) && server.open() > 2) {
      refused++;
      response.writeHead(503, { 'retry-after': '0' }).end();
    } else setTimeout(pass, 150);
  });
  const { items, error } = await fetchTiles(server, {}, patient);
  t.is(error, null);
  t.is(rangesOf(items).length, 12);
  // Those of the beginning; after that no more are sent than it takes.
  t.true(refused >= 1 && refused <= 4, `${refused}`);
});

test('a peer that is busy for long ends the request with the time that it asks for', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path === tileAt(folder, 0)) response.writeHead(503, { 'retry-after': '60' }).end();
    else pass();
  });
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'PEER_BUSY');
  t.is(outcome.error?.context.retryAfterMs, 60_000);
});
