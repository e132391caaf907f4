import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { Transport, WireItem } from '../../src/contracts/index.js';
import { type ErrorCode, isSyncError } from '../../src/errors/index.js';
import { entryLine } from '../../src/tiles/entry.js';
import { ndjson } from '../helpers/sealed-chain.js';
import {
  bodyOf,
  chainOf,
  changed,
  indexPathOf,
  tileFolder,
  type TileFolder,
} from '../helpers/tile-folder.js';
import {
  type Asked,
  codeOf,
  documents,
  documentsOf,
  entryAt,
  failed,
  type Failures,
  fetchTiles,
  type FileServer,
  type Outcome,
  plainFolder,
  RANGES,
  rangesOf,
  type Respond,
  send,
  sendersOf,
  serveFolder,
  SIZES,
  tileAt,
  wholeFolder,
  tileRequest,
  transport,
  withOthers,
} from './transport-tile-support.js';
import { run } from './transport-json-range-support.js';

const FROM = 4;
const MIB = 1024 * 1024;
/** What lies before it. */
const BEFORE = RANGES.slice(0, 2);
const whole = ndjson(documents.slice(0, 20));

type Spoil = (folder: TileFolder, body: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** The documents of the tile that is spoiled. */
const own = documents.slice(4, 8);
const other = chainOf(
  own.map(() => 400),
  { from: 4, branch: 'other' },
);

function withText(document: Uint8Array, change: (text: string) => string): Uint8Array {
  return Buffer.from(change(Buffer.from(document).toString()));
}

/** How a tile may be false, and what that proves. */
const LIES: readonly (readonly [what: string, code: ErrorCode, spoil: Spoil])[] = [
  [
    'has a changed block',
    'HASH_MISMATCH',
    (): Uint8Array =>
      bodyOf(
        own.map((each, at) =>
          at === 1 ? withText(each, (text) => text.replace('compresses', 'compressed')) : each,
        ),
      ),
  ],
  [
    'is another tile',
    'HEIGHT_GAP',
    (folder): Uint8Array => folder.files.get(tileAt(folder, 8)) ?? Buffer.from(''),
  ],
  ['ends early', 'CODEC_CORRUPT', (_folder, body): Uint8Array => body.subarray(0, body.length - 40)],
  ['is no gzip', 'CODEC_CORRUPT', (): Uint8Array => Buffer.from('nothing of the kind')],
  ['is empty', 'CODEC_CORRUPT', (): Uint8Array => Buffer.from('')],
  ['is a bomb', 'CODEC_OUTPUT_TOO_LARGE', (): Uint8Array => gzipSync(Buffer.alloc(64 * MIB, 0x20))],
  [
    'has a block too many',
    'CODEC_OUTPUT_TOO_LARGE',
    (): Uint8Array => bodyOf([...own, documents[8] ?? Buffer.from('')]),
  ],
  ['is larger than a body can be', 'PROTOCOL_VIOLATION', (): Uint8Array => Buffer.alloc(3 * MIB)],
];

/** A sync that tells when the tiles {@link BEFORE} the one that is bad were handed over. */
interface Watched {
  readonly areThere: Promise<void>;
  readonly fetch: (server: FileServer) => Promise<Outcome>;
}

function watched(): Watched {
  let tell = (): void => undefined;
  const areThere = new Promise<void>((resolve) => {
    tell = resolve;
  });
  async function* told(batches: ReturnType<Transport['open']>): ReturnType<Transport['open']> {
    const items: WireItem[] = [];
    for await (const batch of batches) {
      items.push(...batch);
      if (rangesOf(items).length >= BEFORE.length) tell();
      yield batch;
    }
  }
  const { signal } = new AbortController();
  const fetch = ({ peer }: FileServer): Promise<Outcome> =>
    run(told(transport().open(tileRequest(peer), { signal })));
  return { areThere, fetch };
}

/** Serves a folder; each request for one tile is answered with something else. */
async function spoiled(
  t: ExecutionContext,
  folder: TileFolder,
  body: Uint8Array,
  { isSpoiled = () => true, after = Promise.resolve() }: Spoiled = {},
): Promise<FileServer> {
  return serveFolder(t, folder, (request, pass, response) => {
    if (request.path !== tileAt(folder, FROM) || !isSpoiled(request)) pass();
    else void after.then(() => send(response, body));
  });
}

interface Spoiled {
  readonly isSpoiled?: (request: Asked) => boolean;
  readonly after?: Promise<void>;
}

/** Asks a good peer that sends no tile before a bad one, which answers all requests for tiles in its own way, was told of. */
async function besideBad(
  t: ExecutionContext,
  folder: TileFolder,
  answer: (response: Parameters<Respond>[2]) => void,
): Promise<{ readonly outcome: Outcome; readonly bad: FileServer; readonly failures: Failures }> {
  const waiting: (() => void)[] = [];
  const bad = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path.endsWith('.gz')) answer(response);
    else pass();
  });
  const good = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.gz') || failures.length > 0) pass();
    else waiting.push(pass);
  });
  const { more, failures } = await withOthers([bad]);
  const onPeerFailure: typeof more.onPeerFailure = (peer, error) => {
    more.onPeerFailure?.(peer, error);
    for (const pass of waiting) pass();
  };
  const outcome = await fetchTiles(good, { ...more, onPeerFailure }, { hedgeAfterMs: 500 });
  return { outcome, bad, failures };
}

const askedFor = ({ asked }: FileServer, path: string): readonly boolean[] =>
  asked.filter((each) => each.path === path).map(({ isFresh }) => isFresh);

for (const [what, code, spoil] of LIES) {
  test(`a tile that ${what} is asked for once more past all caches, and proves ${code} of the only peer`, async (t) => {
    const folder = await plainFolder(t);
    const body = await spoil(folder, folder.files.get(tileAt(folder, FROM)) ?? Buffer.from(''));
    const { areThere, fetch } = watched();
    const server = await spoiled(t, folder, body, { after: areThere });
    const outcome = await fetch(server);
    t.is(codeOf(outcome), code, outcome.error?.message);
    t.true(outcome.error?.info.provesLie);
    t.is(outcome.error?.context.peer, server.peer.url);
    t.deepEqual(rangesOf(outcome.items), BEFORE);
    t.deepEqual(askedFor(server, tileAt(folder, FROM)), [false, true]);
  });

  test(`a tile of another peer that ${what} is fetched elsewhere, and told of that one`, async (t) => {
    const folder = await plainFolder(t);
    const body = await spoil(folder, folder.files.get(tileAt(folder, FROM)) ?? Buffer.from(''));
    const { outcome, bad, failures } = await besideBad(t, folder, (response) => {
      send(response, body);
    });
    const { items, error } = outcome;
    t.is(error, null);
    t.deepEqual(rangesOf(items), RANGES);
    t.true(documentsOf(items).equals(whole));
    t.deepEqual(new Set(sendersOf(items)), new Set([undefined]));
    t.is(failures.length, 1);
    t.is(failures[0]?.peer.url, bad.peer.url);
    t.true(isSyncError(failures[0]?.error) && failures[0].error.info.provesLie);
  });
}

test('a lie of the asked peer ends the request at once, also where others have the same tiles', async (t) => {
  const folder = await plainFolder(t);
  const honest = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.gz')) pass();
  });
  const liar = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path.endsWith('.gz')) send(response, bodyOf(other));
    else pass();
  });
  const { more, failures } = await withOthers([honest]);
  const outcome = await fetchTiles(liar, more, { hedgeAfterMs: 60_000 });
  t.true(outcome.error?.info.provesLie);
  t.is(outcome.error?.context.peer, liar.peer.url);
  t.deepEqual(outcome.items, []);
  t.deepEqual(failures, []);
  t.true(honest.asked.filter(({ path }) => path.endsWith('.gz')).length <= 1);
});

test('a poisoned cache, which only `no-cache` passes, costs one more request and blames nobody', async (t) => {
  const folder = await plainFolder(t);
  const server = await spoiled(t, folder, bodyOf(other), { isSpoiled: ({ isFresh }) => !isFresh });
  const { items, error } = await fetchTiles(server);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(askedFor(server, tileAt(folder, FROM)), [false, true]);
  t.is(server.asked.filter(({ isFresh }) => isFresh).length, 1);
});

test('a body that goes on behind its bound without a Content-Length is cut off there', async (t) => {
  const folder = await plainFolder(t);
  let sent = 0;
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== tileAt(folder, FROM)) {
      pass();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/gzip' });
    const piece = Buffer.alloc(64 * 1024, 0x1f);
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) sent += piece.length;
    };
    response.on('drain', more);
    more();
  });
  t.is(codeOf(await fetchTiles(server)), 'PROTOCOL_VIOLATION');
  const { documentBytes } = entryAt(folder, FROM);
  // Twice, and what lies in buffers on the way.
  t.true(sent < 2 * (documentBytes * 1.01) + 32 * MIB, `${sent}`);
});

test('a connection that breaks in a tile is no lie: it is asked for again', async (t) => {
  const folder = await plainFolder(t);
  let cuts = 0;
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== tileAt(folder, FROM) || cuts++ > 0) {
      pass();
      return;
    }
    const body = folder.files.get(path) ?? Buffer.from('');
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 100), () => response.destroy());
  });
  const { items, error } = await fetchTiles(server);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(askedFor(server, tileAt(folder, FROM)), [false, false]);
});

test('a connection that breaks each time ends as what it is', async (t) => {
  const folder = await plainFolder(t);
  const { areThere, fetch } = watched();
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path !== tileAt(folder, FROM)) pass();
    else
      void areThere.then(() => {
        response.writeHead(200, { 'content-length': 1000 }).write('x', () => response.destroy());
      });
  });
  const outcome = await fetch(server);
  t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  t.deepEqual(rangesOf(outcome.items), BEFORE);
});

test('a tile that the index names and the server does not have is a contradiction of that peer', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path === tileAt(folder, FROM)) send(response, undefined);
    else pass();
  });
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'PEER_INCONSISTENT');
  t.is(outcome.error?.context.peer, server.peer.url);
});

test('a tile that was taken back since the index was read is no contradiction', async (t) => {
  const folder = await plainFolder(t);
  for (const page of [
    folder.entries
      .filter(({ from }) => from < FROM)
      .map(entryLine)
      .join(''),
    null,
  ]) {
    let isGone = false;
    const server = await serveFolder(t, folder, ({ path }, pass, response) => {
      isGone ||= path === tileAt(folder, FROM);
      if (path === tileAt(folder, FROM)) send(response, undefined);
      else if (path === indexPathOf(0) && isGone)
        send(response, page === null ? undefined : Buffer.from(page));
      else pass();
    });
    const outcome = await fetchTiles(server);
    t.is(codeOf(outcome), 'STREAM_TRUNCATED');
    t.is(outcome.error?.context.peer, server.peer.url);
    t.deepEqual(rangesOf(outcome.items), RANGES.slice(0, rangesOf(outcome.items).length));
  }
});

test('a tail that is gone is a contradiction only where the status still names it', async (t) => {
  const folder = await wholeFolder(t);
  const { files } = await plainFolder(t);
  for (const [later, code] of [
    [files.get('status'), 'STREAM_TRUNCATED'],
    [undefined, 'STREAM_TRUNCATED'],
    [folder.files.get('status'), 'PEER_INCONSISTENT'],
  ] as const) {
    let isGone = false;
    const server = await serveFolder(t, folder, ({ path }, pass, response) => {
      isGone ||= path.startsWith('tiles/tail-');
      if (path.startsWith('tiles/tail-')) send(response, undefined);
      else if (path === 'status' && isGone) send(response, later);
      else pass();
    });
    const outcome = await fetchTiles(server);
    t.is(codeOf(outcome), code);
    t.deepEqual(rangesOf(outcome.items), RANGES.slice(0, rangesOf(outcome.items).length));
  }
});

test('a 404 of another peer is told of that one alone', async (t) => {
  const folder = await plainFolder(t);
  const { outcome, bad, failures } = await besideBad(t, folder, (response) => {
    send(response, undefined);
  });
  t.is(outcome.error, null);
  t.true(documentsOf(outcome.items).equals(whole));
  t.deepEqual(failed(failures), [[bad.peer.url, 'PEER_INCONSISTENT']]);
});

test('a web page in place of a tile is nobody’s lie', async (t) => {
  const folder = await plainFolder(t);
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path.endsWith('.gz'))
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>Log in</p>');
    else pass();
  });
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'PEER_NOT_SYNC');
  t.deepEqual(outcome.items, []);
});

test('a line with a false hash, and right blocks behind it, blames the index', async (t) => {
  const folder = await plainFolder(t);
  const line = { ...entryAt(folder, FROM), hash: 'e'.repeat(64) };
  const entries = folder.entries.map((entry) => (entry.from === FROM ? line : entry));
  const lying = changed(folder, { entries });
  const body = folder.files.get(tileAt(folder, FROM)) ?? Buffer.from('');
  const { areThere, fetch } = watched();
  const server = await spoiled(t, changed(lying, { entries }), body, { after: areThere });
  const outcome = await fetch(server);
  t.true(outcome.error?.info.provesLie);
  t.is(outcome.error?.context.peer, server.peer.url);
  t.deepEqual(rangesOf(outcome.items), BEFORE);
});

test('lines of another peer that the asked one contradicts stop nobody', async (t) => {
  const folder = await plainFolder(t);
  const entries = folder.entries.map((entry) => ({ ...entry, hash: 'e'.repeat(64) }));
  const liar = await serveFolder(t, changed(folder, { entries }));
  const good = await serveFolder(t, folder);
  const { more, failures } = await withOthers([liar]);
  const { items, error } = await fetchTiles(good, more);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(failures, []);
  t.deepEqual(
    liar.asked.filter(({ path }) => path.endsWith('.gz')),
    [],
  );
});

test('lines that do not follow each other, with tiles that are as they say, blame the index and not who sent them', async (t) => {
  const folder = await plainFolder(t);
  // From 4 on another chain, each tile of which is right by itself.
  const forked = await tileFolder(t, chainOf(SIZES, { branch: 'other' }));
  const entries = [
    ...folder.entries.filter(({ from }) => from < 4),
    ...forked.entries.filter(({ from }) => from >= 4),
  ];
  const files = [...forked.files].filter(([path]) => path.endsWith('.gz'));
  const server = await serveFolder(t, changed(changed(folder, { files }), { entries }));
  const outcome = await fetchTiles(server);
  t.is(codeOf(outcome), 'PARENT_MISMATCH');
  t.is(outcome.error?.context.peer, server.peer.url);
  t.deepEqual(rangesOf(outcome.items), BEFORE);
});

test('a tile of a folder’s tail that is false proves it as any other', async (t) => {
  const blocks = chainOf([10, 10, 10]);
  const folder = await tileFolder(t, blocks, { hasTail: true });
  const server = await serveFolder(t, folder, ({ path }, pass, response) => {
    if (path.startsWith('tiles/tail-')) send(response, bodyOf(chainOf([10, 10, 10], { branch: 'b' })));
    else pass();
  });
  t.true((await fetchTiles(server)).error?.info.provesLie);
});
