import test from 'ava';
import type { TileEntry } from '../../src/contracts/index.js';
import type { ErrorCode } from '../../src/errors/index.js';
import { entryLine } from '../../src/tiles/entry.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { indexPathOf } from '../helpers/tile-folder.js';
import {
  codeOf,
  documents,
  documentsOf,
  failed,
  fetchTiles,
  plainFolder,
  RANGES,
  rangesOf,
  send,
  serveFolder,
  tilesAsked,
  withOthers,
} from './transport-tile-support.js';

const MIB = 1024 * 1024;
const PAGE = indexPathOf(0);

const entry = (from: number, to: number, documentBytes: number, more: Partial<TileEntry> = {}): TileEntry => {
  return { from, to, hash: 'a'.repeat(64), documentBytes, bytes: 100, digest: null, ...more };
};
const lines = (...entries: readonly TileEntry[]): string => entries.map(entryLine).join('');

/** Pages that nobody has who keeps to the protocol, of a peer that has tiles from 0 to 19. */
const LIES: readonly (readonly [what: string, page: string])[] = [
  ['overlapping tiles', lines(entry(0, 7, 3_000_000), entry(4, 7, 4_000_000))],
  ['a gap', lines(entry(0, 3, 3_000_000), entry(8, 15, 3_000_000))],
  ['two siblings that would be one tile', lines(entry(0, 7, 1_000_000), entry(8, 15, 1_000_000))],
  ['a run that is no interval', lines(entry(0, 6, 1_000_000))],
  ['more blocks than a tile has', lines(entry(0, 2047, 1_000_000))],
  ['more bytes than a tile has', lines(entry(0, 19, 5_000_000))],
  ['documents shorter than any', lines(entry(0, 3, 11))],
  ['a body larger than its documents', lines(entry(0, 3, 3_000_000, { bytes: 4_000_000 }))],
  ['a tile of another page', lines(entry(65_536, 66_559, 1_000_000))],
  ['no JSON', '<h1>It works!</h1>\n'],
  ['an empty line', `\n${lines(entry(0, 3, 3_000_000))}`],
  ['a line without a hash', '{"from":0,"to":3,"documentBytes":3000000,"bytes":100}\n'],
  ['a digest that is none', lines(entry(0, 3, 3_000_000, { digest: 'abc' }))],
  ['a line that is too long', `{"from":0,"x":"${'x'.repeat(3000)}"}\n`],
  ['a line without an end', 'x'.repeat(100_000)],
];

for (const [what, page] of LIES) {
  test(`a page with ${what} breaks the protocol before any tile is fetched`, async (t) => {
    const folder = await plainFolder(t);
    const server = await serveFolder(t, { files: new Map([...folder.files, [PAGE, Buffer.from(page)]]) });
    const outcome = await fetchTiles(server);
    t.is(codeOf(outcome), 'PROTOCOL_VIOLATION', outcome.error?.message);
    t.is(outcome.error?.context.peer, server.peer.url);
    t.deepEqual(outcome.items, []);
    t.deepEqual(tilesAsked(server), []);
  });
}

test('such a page of another peer is told of that one, and the honest one goes on', async (t) => {
  const folder = await plainFolder(t);
  const bad = await serveFolder(t, {
    files: new Map([...folder.files, [PAGE, Buffer.from(LIES[0]?.[1] ?? '')]]),
  });
  const good = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.gz') || failures.length > 0) pass();
    else waiting.push(pass);
  });
  const waiting: (() => void)[] = [];
  const { more, failures } = await withOthers([bad]);
  const onPeerFailure: typeof more.onPeerFailure = (peer, error) => {
    more.onPeerFailure?.(peer, error);
    for (const pass of waiting) pass();
  };
  const { items, error } = await fetchTiles(good, { ...more, onPeerFailure });
  t.is(error, null);
  t.true(documentsOf(items).equals(ndjson(documents.slice(0, 20))));
  t.deepEqual(failed(failures), [[bad.peer.url, 'PROTOCOL_VIOLATION']]);
});

test('a page without an end is cut off, at its first line that is too much or at 16 MiB', async (t) => {
  const folder = await plainFolder(t);
  for (const piece of [Buffer.alloc(MIB, 'x'), Buffer.from(lines(entry(0, 0, 5_000_000)).repeat(1000))]) {
    let sent = 0;
    const server = await serveFolder(t, folder, ({ path }, pass, response) => {
      if (path !== PAGE) {
        pass();
        return;
      }
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
      };
      response.on('drain', more);
      more();
    });
    t.is(codeOf(await fetchTiles(server)), 'PROTOCOL_VIOLATION');
    t.true(sent < 32 * MIB, `${sent}`);
  }
});

test('a page that says that it is larger than 16 MiB is not read', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== PAGE) pass();
    else response.writeHead(200, { 'content-length': 16 * MIB + 1 }).flushHeaders();
  });
  t.is(codeOf(await fetchTiles(server)), 'PROTOCOL_VIOLATION');
});

const SHORT: readonly (readonly [what: string, code: ErrorCode, page: (text: string) => string | null])[] = [
  ['is not there', 'PEER_INCONSISTENT', (): null => null],
  ['is empty', 'STREAM_TRUNCATED', (): string => ''],
  ['ends in a line', 'STREAM_TRUNCATED', (text): string => text.slice(0, -10)],
];

for (const [what, code, cut] of SHORT)
  test(`a page that ${what} proves nothing`, async (t) => {
    const folder = await plainFolder(t);
    const page = cut(Buffer.from(folder.files.get(PAGE) ?? []).toString());
    const files = new Map(folder.files);
    if (page === null) files.delete(PAGE);
    else files.set(PAGE, Buffer.from(page));
    const outcome = await fetchTiles(await serveFolder(t, { files }));
    t.is(codeOf(outcome), code);
    t.deepEqual(outcome.items, []);
  });

test('an old page in a cache is read once more, past it', async (t) => {
  const folder = await plainFolder(t);
  const old = Buffer.from(lines(...folder.entries.slice(0, 3)));
  const server = await serveFolder(t, folder, ({ path, isFresh }, pass, response) => {
    if (path === PAGE && !isFresh) send(response, old);
    else pass();
  });
  const { items, error } = await fetchTiles(server);
  t.is(error, null);
  t.deepEqual(rangesOf(items), RANGES);
  t.is(server.asked.filter(({ isFresh }) => isFresh).length, 1);
});

test('a false page of another peer is read once more, past all caches, before it is told of', async (t) => {
  const folder = await plainFolder(t);
  const waiting: (() => void)[] = [];
  const cached = await serveFolder(t, folder, ({ path, isFresh }, pass, response) => {
    if (path === PAGE && !isFresh) send(response, Buffer.from(LIES[0]?.[1] ?? ''));
    else pass();
    if (path.endsWith('.gz')) for (const each of waiting.splice(0)) each();
  });
  const first = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.gz') || tilesAsked(cached).length > 0) pass();
    else waiting.push(pass);
  });
  const { more, failures } = await withOthers([cached]);
  const { items, error } = await fetchTiles(first, more, { hedgeAfterMs: 500 });
  t.is(error, null);
  t.deepEqual(rangesOf(items), RANGES);
  t.true(tilesAsked(cached).length > 0);
  t.deepEqual(failures, []);
});

test('a page that ends before what the status names brings what it has first', async (t) => {
  const folder = await plainFolder(t);
  const files = new Map([
    ...folder.files,
    [PAGE, Buffer.from(lines(...folder.entries.slice(0, 3)))] as const,
  ]);
  const outcome = await fetchTiles(await serveFolder(t, { files }));
  t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  t.deepEqual(rangesOf(outcome.items), RANGES.slice(0, 3));
});

test('a block that is larger than this node takes ends the tiles before it, and is no lie', async (t) => {
  const folder = await plainFolder(t);
  const entries = [...folder.entries, entry(20, 20, 5_000_000, { bytes: 5000 })];
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path === PAGE) send(response, Buffer.from(lines(...entries)));
    else if (path === 'status') send(response, Buffer.from(text.replace('"to":19', '"to":20')));
    else pass();
  });
  const text = Buffer.from(folder.files.get('status') ?? []).toString();
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'BLOCK_TOO_LARGE');
  t.is(outcome.error?.context.height, 20);
  t.deepEqual(rangesOf(outcome.items), RANGES);
});

test('lines with members that are not known, and the last one of a page with more behind it, are fine', async (t) => {
  const folder = await plainFolder(t);
  const text = Buffer.from(folder.files.get(PAGE) ?? []).toString();
  const page = Buffer.from(text.replaceAll('{"from"', '{"later":[1],"from"'));
  const { items, error } = await fetchTiles(
    await serveFolder(t, { files: new Map([...folder.files, [PAGE, page]]) }),
  );
  t.is(error, null);
  t.deepEqual(rangesOf(items), RANGES);
});
