import { gzipSync } from 'node:zlib';
import { createServer, connect, type AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ndjson } from '../helpers/sealed-chain.js';
import { nginx, nginxTest } from '../helpers/stock-nginx.js';
import { tempDir } from '../helpers/temp-dir.js';
import { turns, until } from '../helpers/waiting.js';
import {
  type Answer,
  documents,
  ETAG,
  largeFolder,
  serveCutting,
  type TileAsked,
} from './transport-tile-resume-support.js';
import {
  codeOf,
  documentsOf,
  failed,
  fetchTiles,
  noTimeLimits,
  serveFolder,
  tileRequest,
  transport,
  withOthers,
} from './transport-tile-support.js';
import { type Outcome, run } from './transport-json-range-support.js';

const KIB = 1024;
const whole = ndjson(documents);
const { signal } = new AbortController();

const startsOf = (asked: readonly TileAsked[]): readonly (number | null)[] => asked.map(({ start }) => start);

/** Answers with the first ones in turn, and then as any server does. */
const inTurn = (...answers: readonly Answer[]): ((request: TileAsked, nth: number) => Answer) => {
  return (_request, nth) => answers[nth] ?? {};
};

function isWhole(t: ExecutionContext, { items, error }: Outcome): void {
  t.is(error, null, error?.message);
  t.true(documentsOf(items).equals(whole));
}

test('of a tile that is cut off in the middle only the rest is fetched, and only if it is the same still', async (t) => {
  const server = await serveCutting(t, await largeFolder(t), inTurn({ cutAfter: 1_000_000 }));
  isWhole(t, await fetchTiles(server));
  t.deepEqual(startsOf(server.asked), [null, 1_000_000]);
  t.is(server.asked[1]?.ifRange, ETAG);
  t.is(server.sent(), server.size);
});

test('a connection that breaks after every 200,000 bytes brings a tile of 3 MB, and each byte once', async (t) => {
  const server = await serveCutting(t, await largeFolder(t), () => ({ cutAfter: 200_000 }));
  isWhole(t, await fetchTiles(server));
  t.is(server.asked.length, Math.ceil(server.size / 200_000));
  t.is(server.sent(), server.size);
});

test('wherever connections break, each byte comes once, if enough comes each time', async (t) => {
  const folder = await largeFolder(t);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 80_000, max: 3_500_000 }), async (cutAfter) => {
      const server = await serveCutting(t, folder, () => ({ cutAfter }));
      isWhole(t, await fetchTiles(server));
      t.is(server.sent(), server.size);
    }),
    { numRuns: 5, examples: [[80_000]] },
  );
});

test('a peer that brings next to nothing each time is given up, and what it brought serves the next request', async (t) => {
  let cutAfter = 10_000;
  const server = await serveCutting(t, await largeFolder(t), () => ({ cutAfter }));
  const tiles = transport();
  const open = (): Promise<Outcome> => run(tiles.open(tileRequest(server.peer), { signal }));
  t.is(codeOf(await open()), 'STREAM_TRUNCATED');
  t.deepEqual(startsOf(server.asked), [null, 10_000, 20_000]);
  cutAfter = Infinity;
  isWhole(t, await open());
  t.deepEqual(startsOf(server.asked).slice(3), [30_000]);
  t.is(server.sent(), server.size);
  await tiles.close?.();
});

test('what an earlier download has of a peer that is not asked any more is not in the way of another one', async (t) => {
  const folder = await largeFolder(t);
  const gone = await serveCutting(t, folder, (_request, nth) => ({
    cutAfter: nth === 0 ? 1_000_000 : 10_000,
  }));
  const tiles = transport();
  t.teardown(() => tiles.close?.());
  t.is(codeOf(await run(tiles.open(tileRequest(gone.peer), { signal }))), 'STREAM_TRUNCATED');
  const server = await serveCutting(t, folder, () => ({ cutAfter: 200_000 }));
  isWhole(t, await run(tiles.open(tileRequest(server.peer), { signal })));
  t.is(server.asked.length, Math.ceil(server.size / 200_000));
  t.is(server.sent(), server.size);
});

test('a peer whose tag is another one each time does not hold up a tile for ever', async (t) => {
  const server = await serveCutting(t, await largeFolder(t), (_request, nth) => {
    return { etag: `"${nth}"`, cutAfter: 100_000 };
  });
  t.is(codeOf(await fetchTiles(server)), 'STREAM_TRUNCATED');
  // Only the first one has brought more than there was: it and two more are three failures in a row.
  t.deepEqual(startsOf(server.asked), [null, 100_000, 100_000]);
});

test('a tile that the server has otherwise since comes from the beginning', async (t) => {
  const folder = await largeFolder(t);
  const other = gzipSync(ndjson(documents.slice(0, 4)), { level: 1 });
  const server = await serveCutting(t, folder, (_request, nth) =>
    nth === 0
      ? { cutAfter: 1_000_000 }
      : { etag: '"two"', body: other, cutAfter: nth === 1 ? 500_000 : Infinity },
  );
  isWhole(t, await fetchTiles(server));
  t.deepEqual(startsOf(server.asked), [null, 1_000_000, 500_000]);
  t.is(server.asked[2]?.ifRange, '"two"');
});

/** What a peer may answer to a request for the rest that is not the rest. */
const ODD: readonly (readonly [what: string, answer: Answer])[] = [
  ['begins elsewhere', { partHeaders: { 'content-range': 'bytes 999999-2999999/3000000' } }],
  ['ends before the end', { partHeaders: { 'content-range': 'bytes 1000000-1000009/3000000' } }],
  ['does not say how long the whole is', { partHeaders: { 'content-range': 'bytes 1000000-2999999/*' } }],
  ['does not say which part it is', { partHeaders: { 'content-range': 'all of it' } }],
  ['has another tag', { partHeaders: { etag: '"two"' } }],
  ['is encoded', { partHeaders: { 'content-encoding': 'identity' } }],
  ['is 416', { status: 416 }],
  ['is 404', { status: 404 }],
  ['is 400', { status: 400 }],
];

for (const [what, odd] of ODD)
  test(`where the answer to a request for the rest ${what}, the whole is asked for at once, and nobody blamed`, async (t) => {
    const folder = await largeFolder(t);
    const server = await serveCutting(t, folder, inTurn({ cutAfter: 1_000_000 }, odd));
    isWhole(t, await fetchTiles(server));
    t.deepEqual(startsOf(server.asked), [null, 1_000_000, null]);
    t.false(server.asked.some(({ isFresh }) => isFresh));
  });

test('a peer that is busy when it is asked for the rest is asked for it again', async (t) => {
  const server = await serveCutting(
    t,
    await largeFolder(t),
    inTurn({ cutAfter: 1_000_000 }, { status: 503 }),
  );
  isWhole(t, await fetchTiles(server));
  t.deepEqual(startsOf(server.asked), [null, 1_000_000, 1_000_000]);
});

/** Bodies of which no rest can be asked for. */
const WHOLE_ONLY: readonly (readonly [what: string, answer: Answer])[] = [
  ['a weak tag', { etag: 'W/"one"' }],
  ['no tag', { etag: null }],
  ['a tag without quotes', { etag: 'one' }],
  ['a Content-Encoding', { headers: { 'content-encoding': 'identity' } }],
];

for (const [what, how] of WHOLE_ONLY)
  test(`a tile with ${what} that is cut off comes from the beginning`, async (t) => {
    const server = await serveCutting(t, await largeFolder(t), inTurn({ ...how, cutAfter: 1_000_000 }));
    isWhole(t, await fetchTiles(server));
    t.deepEqual(startsOf(server.asked), [null, null]);
  });

test('parts that are no tile together are forgotten, and it is asked for whole and past all caches', async (t) => {
  const folder = await largeFolder(t);
  const other = Buffer.alloc(3_000_000, 7);
  const server = await serveCutting(
    t,
    folder,
    inTurn({ cutAfter: 1_000_000 }, { body: other }, { cutAfter: 1_000_000 }),
  );
  isWhole(t, await fetchTiles(server));
  t.deepEqual(startsOf(server.asked), [null, 1_000_000, null, null]);
  t.deepEqual(
    server.asked.map(({ isFresh }) => isFresh),
    [false, false, true, false],
  );
});

test('a peer whose parts are never a tile is told a liar only by the whole', async (t) => {
  const folder = await largeFolder(t);
  const other = Buffer.alloc(3_000_000, 7);
  const server = await serveCutting(t, folder, (_request, nth) => {
    return nth === 0 ? { cutAfter: 1_000_000 } : { body: other };
  });
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'CODEC_CORRUPT');
  t.deepEqual(startsOf(server.asked), [null, 1_000_000, null]);
  t.true(server.asked[2]?.isFresh);
});

test('bytes of two peers are never put together', async (t) => {
  const folder = await largeFolder(t);
  const server = await serveCutting(t, folder, inTurn({ cutAfter: 1_000_000 }));
  const ranges: unknown[] = [];
  const other = await serveFolder(t, folder, (_request, pass, _response, { headers }) => {
    ranges.push(headers.range);
    pass();
  });
  const { more, failures } = await withOthers([other]);
  isWhole(t, await fetchTiles(server, more));
  t.deepEqual(failed(failures), []);
  t.deepEqual(new Set(ranges), new Set([undefined]));
});

test('of a tile of which no more comes the rest is asked for over another connection', async (t) => {
  const server = await serveCutting(t, await largeFolder(t), inTurn({ silentAfter: 1_000_000 }));
  isWhole(t, await fetchTiles(server, {}, { hedgeAfterMs: 300 }, noTimeLimits));
  const [first, ...others] = startsOf(server.asked);
  t.is(first, null);
  // How much of it this process had read by then is the machine's.
  t.true(
    others.some((start) => start !== null && start > 0),
    others.join(),
  );
});

test('a download that ends with its peer leaves what came of each tile for the next one', async (t) => {
  const server = await serveCutting(t, await largeFolder(t), inTurn({ silentAfter: 1_000_000 }));
  const tiles = transport({ hedgeAfterMs: 600_000 });
  const abort = new AbortController();
  const first = run(tiles.open(tileRequest(server.peer), { signal: abort.signal }));
  await until(() => server.sent() === 1_000_000);
  // Some of what was sent has to have come: the client reads in this process too.
  await turns(200);
  abort.abort();
  t.is(codeOf(await first), 'ABORTED');
  isWhole(t, await run(tiles.open(tileRequest(server.peer), { signal })));
  const [none, start] = startsOf(server.asked);
  t.is(none, null);
  const had = start ?? 0;
  // How much of it this process had read by then is the machine's.
  t.true(had > 0 && had <= 1_000_000, `${had}`);
  t.is(server.sent(), server.size + 1_000_000 - had);
  await tiles.close?.();
});

/** A line to a server that breaks each connection after so many bytes of what the server sends. */
async function cuttingLine(
  t: ExecutionContext,
  url: string,
  bytes: number,
): Promise<{ readonly url: string; readonly passed: () => number; readonly cuts: () => number }> {
  let [passed, cuts] = [0, 0];
  const line = createServer((client) => {
    const server = connect(Number(new URL(url).port), '127.0.0.1');
    let left = bytes;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const)
      socket.on('error', () => undefined).on('close', () => other.destroy());
    client.pipe(server);
    server.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, left);
      left -= part.length;
      passed += part.length;
      if (left > 0) return void client.write(part);
      cuts += client.writableEnded ? 0 : 1;
      client.end(part);
      server.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  t.teardown(() => {
    line.close();
  });
  const { port } = line.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, passed: () => passed, cuts: () => cuts };
}

nginxTest('a stock nginx behind a line that breaks brings each byte about once', async (t) => {
  const folder = await largeFolder(t);
  const dir = tempDir(t);
  for (const [path, bytes] of folder.files) {
    const file = join(dir, 'www', 'sync', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const line = await cuttingLine(t, await nginx(t, dir, `root ${join(dir, 'www')};`), 300 * KIB);
  isWhole(t, await fetchTiles({ peer: { url: `${line.url}/sync`, headers: {} } }));
  const size = [...folder.files.values()].reduce((sum, { length }) => sum + length, 0);
  t.true(line.cuts() > 15, `${line.cuts()}`);
  // Heads of answers, the status and the index are some KiB.
  t.true(line.passed() < size + 64 * KIB, `${line.passed()} of ${size}`);
});
