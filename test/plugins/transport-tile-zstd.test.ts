import { deflateRawSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { zstd } from '../../plugins/codec-zstd/index.js';
import type { StreamRequest, VerifyTile, WireItem } from '../../src/contracts/index.js';
import type { ErrorCode } from '../../src/errors/index.js';
import { entryLine } from '../../src/tiles/entry.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { withCodec } from '../helpers/builtin-codecs.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { indexPathOf } from '../helpers/tile-folder.js';
import { bodiesAsked, inZstdToo, zstdBody, type ZstdFolder } from '../helpers/zstd-folder.js';
import {
  codeOf,
  documents,
  documentsOf,
  failed,
  fetchTiles,
  type FileServer,
  plainFolder,
  RANGES,
  rangesOf,
  send,
  sendersOf,
  serveFolder,
  testLimits,
  tilesOf,
  transport,
  wholeFolder,
  withOthers,
} from './transport-tile-support.js';

const MIB = 1024 * 1024;
const whole = ndjson(documents);
const rules = sealedJson().create();

const verifyTile: VerifyTile = (...tile) => {
  const { maxBlockBytes } = testLimits;
  const verifier = createTileVerifier({ rules, worker: null, codecs: [zstd()], maxBlockBytes, threads: 0 });
  return verifier.verify(...tile);
};

const inZstd: Partial<StreamRequest> = { verifyTile, acceptCodecs: ['zstd', 'gzip', 'identity'] };

const zstdFolder = async (t: ExecutionContext): Promise<ZstdFolder> => inZstdToo(await wholeFolder(t));

/** What is the same whatever the tiles came in. */
const withoutWire = (items: readonly WireItem[]): readonly WireItem[] =>
  items.map((item) => (item.kind === 'tile' ? { ...item, receivedBytes: 0 } : item));

withCodec(
  'zstd',
  'tiles and tail in zstd are what they are in gzip, and no body in gzip is asked for',
  async (t) => {
    const folder = await zstdFolder(t);
    const server = await serveFolder(t, folder);
    const byGzip = await fetchTiles(server);
    t.is(byGzip.error, null);
    t.deepEqual(bodiesAsked(server.asked, 'zst'), []);
    server.asked.length = 0;
    const { items, error } = await fetchTiles(server, inZstd);
    t.is(error, null);
    t.deepEqual(withoutWire(items), withoutWire(byGzip.items));
    t.true(documentsOf(items).equals(whole));
    t.deepEqual(bodiesAsked(server.asked, 'gz'), []);
    t.deepEqual(bodiesAsked(server.asked, 'zst').toSorted(), folder.zstdPaths.toSorted());
  },
);

withCodec('zstd', 'what came of a tile is told by the length of the body that was sent', async (t) => {
  const folder = await zstdFolder(t);
  const { items } = await fetchTiles(await serveFolder(t, folder), inZstd);
  const received = items.flatMap((item) => (item.kind === 'tile' ? [item.receivedBytes] : []));
  t.deepEqual(
    received,
    folder.zstdPaths.map((path) => folder.files.get(path)?.byteLength),
  );
  t.true(tilesOf(items).every(({ bytes }, at) => bytes === [...folder.entries, folder.tail][at]?.bytes));
});

for (const acceptCodecs of [['gzip', 'identity'], ['identity'], ['gzip', 'zstd'], ['bzip2']])
  test(`whoever takes ${acceptCodecs.join(' and ')}, in this order, asks for tiles in gzip`, async (t) => {
    const folder = await zstdFolder(t);
    const server = await serveFolder(t, folder);
    const { items, error } = await fetchTiles(server, { acceptCodecs });
    t.is(error, null);
    t.true(documentsOf(items).equals(whole));
    t.deepEqual(bodiesAsked(server.asked, 'zst'), []);
  });

test('where no line names zstd, tiles are asked for in gzip', async (t) => {
  const server = await serveFolder(t, await wholeFolder(t));
  const { items, error } = await fetchTiles(server, inZstd);
  t.is(error, null);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(bodiesAsked(server.asked, 'zst'), []);
});

withCodec(
  'zstd',
  'of a folder that has some tiles in zstd, those are taken in it and the others in gzip',
  async (t) => {
    const folder = await zstdFolder(t);
    const entries = folder.entries.map(({ otherBytes, ...entry }, at) =>
      at % 2 === 0 || otherBytes === undefined ? entry : { ...entry, otherBytes },
    );
    const files = new Map([
      ...folder.files,
      [indexPathOf(0), Buffer.from(entries.map(entryLine).join(''))] as const,
    ]);
    const server = await serveFolder(t, { files });
    const { items, error } = await fetchTiles(server, inZstd);
    t.is(error, null);
    t.true(documentsOf(items).equals(whole));
    t.is(bodiesAsked(server.asked, 'gz').length, 3);
    t.is(bodiesAsked(server.asked, 'zst').length, 4);
  },
);

test('what a peer names in zstd and does not have is taken in gzip, and blames nobody', async (t) => {
  const folder = await zstdFolder(t);
  const files = new Map([...folder.files].filter(([path]) => !path.endsWith('.zst')));
  const server = await serveFolder(t, { files });
  const { items, error } = await fetchTiles(server, inZstd);
  t.is(error, null);
  t.deepEqual(rangesOf(items), [...RANGES, '20-22']);
  t.true(documentsOf(items).equals(whole));
  const asked = server.asked.filter(({ path }) => path.endsWith('.zst'));
  t.true(asked.some(({ isFresh }) => isFresh));
  t.false(asked.some(({ path }) => path.includes('tail-')));
});

withCodec(
  'zstd',
  'a peer that has a tile in no encoding is the one that its index contradicts',
  async (t) => {
    const folder = inZstdToo(await plainFolder(t));
    const files = new Map([...folder.files].filter(([path]) => !path.includes('0000000000000004-')));
    const outcome = await fetchTiles(await serveFolder(t, { files }), inZstd);
    t.is(codeOf(outcome), 'PEER_INCONSISTENT');
  },
);

/** Where the bad tile begins, and what lies before it. */
const AT = 2;
const own = ndjson(documents.slice(4, 8));

type Spoil = (body: Uint8Array, folder: ZstdFolder) => Uint8Array;

const join = (...parts: readonly (Uint8Array | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Uint8Array.from(part)));

/** RFC 8878 section 3.1.2: five bytes that every decoder may skip. */
const SKIPPABLE = [0x50, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5];
/** A frame with a window of 128 MiB, and one raw block. */
const WIDE = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x19, 0, 0, 0x61, 0x62, 0x63];
/** A frame that needs dictionary 1. */
const WITH_DICTIONARY = [0x28, 0xb5, 0x2f, 0xfd, 0x21, 1, 3, 0x19, 0, 0, 0x61, 0x62, 0x63];

const LIES: readonly (readonly [what: string, code: ErrorCode, spoil: Spoil])[] = [
  [
    'has a changed block',
    'HASH_MISMATCH',
    (): Uint8Array => zstdBody(Buffer.from(own.toString().replace('compresses', 'compressed'))),
  ],
  [
    'is another tile',
    'HEIGHT_GAP',
    (_body, folder): Uint8Array => folder.files.get(folder.zstdPaths[3] ?? '') ?? own,
  ],
  ['has a block too few', 'TILE_MISMATCH', (): Uint8Array => zstdBody(ndjson(documents.slice(4, 7)))],
  [
    'has a block too many',
    'CODEC_OUTPUT_TOO_LARGE',
    (): Uint8Array => zstdBody(ndjson(documents.slice(4, 9))),
  ],
  ['lacks its last line feed', 'CODEC_CORRUPT', (): Uint8Array => zstdBody(own.subarray(0, -1))],
  ['is a bomb', 'CODEC_OUTPUT_TOO_LARGE', (): Uint8Array => zstdBody(Buffer.alloc(64 * MIB, 0x20))],
  ['ends early', 'CODEC_CORRUPT', (body): Uint8Array => body.subarray(0, body.length - 3)],
  [
    'has its checksum wrong',
    'CODEC_CORRUPT',
    (body): Uint8Array => join(body.subarray(0, -1), [(body.at(-1) ?? 0) ^ 1]),
  ],
  ['goes on behind its frame', 'CODEC_CORRUPT', (body): Uint8Array => join(body, [0])],
  [
    'is two frames',
    'CODEC_CORRUPT',
    (): Uint8Array => join(zstdBody(own.subarray(0, 99)), zstdBody(own.subarray(99))),
  ],
  ['begins with a skippable frame', 'CODEC_CORRUPT', (body): Uint8Array => join(SKIPPABLE, body)],
  ['ends with a skippable frame', 'CODEC_CORRUPT', (body): Uint8Array => join(body, SKIPPABLE)],
  ['needs a window of 128 MiB', 'CODEC_CORRUPT', (): Uint8Array => join(WIDE)],
  ['needs a dictionary', 'CODEC_CORRUPT', (): Uint8Array => join(WITH_DICTIONARY)],
  ['is gzip', 'CODEC_CORRUPT', (): Uint8Array => gzipSync(own)],
  ['is deflate alone', 'CODEC_CORRUPT', (): Uint8Array => deflateRawSync(own)],
  ['is empty', 'CODEC_CORRUPT', (): Uint8Array => Buffer.alloc(0)],
  ['is larger than a body can be', 'PROTOCOL_VIOLATION', (): Uint8Array => Buffer.alloc(3 * MIB)],
];

/** Serves a folder of which one tile in zstd is false. */
async function spoiled(
  t: ExecutionContext,
  folder: ZstdFolder,
  spoil: Spoil,
  isSpoiled: (request: { readonly isFresh: boolean }) => boolean = () => true,
): Promise<FileServer> {
  const path = folder.zstdPaths[AT] ?? '';
  const body = spoil(folder.files.get(path) ?? own, folder);
  return serveFolder(t, folder, (request, pass, response) => {
    if (request.path === path && isSpoiled(request)) send(response, body);
    else pass();
  });
}

for (const [what, code, spoil] of LIES)
  withCodec(
    'zstd',
    `a tile in zstd that ${what} is asked for once more past all caches, and proves ${code}`,
    async (t) => {
      const folder = inZstdToo(await plainFolder(t));
      const server = await spoiled(t, folder, spoil);
      const outcome = await fetchTiles(server, inZstd);
      t.is(codeOf(outcome), code, outcome.error?.message);
      t.true(outcome.error?.info.provesLie);
      t.is(outcome.error?.context.peer, server.peer.url);
      t.true(rangesOf(outcome.items).length <= AT);
      const asked = server.asked.filter(({ path }) => path === folder.zstdPaths[AT]);
      t.deepEqual(
        asked.map(({ isFresh }) => isFresh),
        [false, true],
      );
      t.deepEqual(bodiesAsked(server.asked, 'gz'), []);
    },
  );

withCodec('zstd', 'a tile in zstd that only a cache has false comes past it', async (t) => {
  const folder = inZstdToo(await plainFolder(t));
  const server = await spoiled(
    t,
    folder,
    (body) => body.subarray(1),
    ({ isFresh }) => !isFresh,
  );
  const { items, error } = await fetchTiles(server, inZstd);
  t.is(error, null);
  t.deepEqual(rangesOf(items), RANGES);
});

withCodec('zstd', 'a tile that comes decoded is told as what a web server is set up wrong for', async (t) => {
  const folder = inZstdToo(await plainFolder(t));
  const outcome = await fetchTiles(await spoiled(t, folder, () => own), inZstd);
  t.is(codeOf(outcome), 'PEER_NOT_SYNC');
  t.regex(outcome.error?.message ?? '', /application\/zstd without Content-Encoding/);
});

withCodec('zstd', 'peers are asked for what each of them has: one in zstd, the other in gzip', async (t) => {
  const plain = await plainFolder(t);
  const folder = inZstdToo(plain);
  const helper = await serveFolder(t, plain);
  // The first tile is late, so that the other peer is asked as well.
  const waiting: (() => void)[] = [];
  const asked = await serveFolder(t, folder, ({ path }, pass) => {
    if (!path.endsWith('.zst') || bodiesAsked(helper.asked, 'gz').length > 0) pass();
    else waiting.push(pass);
  });
  const release = setInterval(() => {
    if (bodiesAsked(helper.asked, 'gz').length > 0) for (const pass of waiting.splice(0)) pass();
  }, 10);
  t.teardown(() => {
    clearInterval(release);
  });
  const { more, failures } = await withOthers([helper]);
  const { items, error } = await fetchTiles(asked, { ...inZstd, ...more }, { hedgeAfterMs: 500 });
  t.is(error, null);
  t.deepEqual(failed(failures), []);
  t.deepEqual(rangesOf(items), RANGES);
  t.true(sendersOf(items).includes(helper.peer.url));
  t.deepEqual(bodiesAsked(asked.asked, 'gz'), []);
  t.deepEqual(bodiesAsked(helper.asked, 'zst'), []);
});

withCodec(
  'zstd',
  'a peer whose tile in zstd is false is told of, and the tile comes from the next',
  async (t) => {
    const folder = inZstdToo(await plainFolder(t));
    const bad = await serveFolder(t, folder, ({ path }, pass, response) => {
      if (path.endsWith('.zst')) send(response, zstdBody(Buffer.from('{}\n')));
      else pass();
    });
    const waiting: (() => void)[] = [];
    const good = await serveFolder(t, folder, ({ path }, pass) => {
      if (!path.endsWith('.zst') || failures.length > 0) pass();
      else waiting.push(pass);
    });
    const { more, failures } = await withOthers([bad]);
    const onPeerFailure: typeof more.onPeerFailure = (peer, error) => {
      more.onPeerFailure?.(peer, error);
      for (const pass of waiting) pass();
    };
    const { items, error } = await fetchTiles(
      good,
      { ...inZstd, ...more, onPeerFailure },
      { hedgeAfterMs: 500 },
    );
    t.is(error, null);
    t.deepEqual(rangesOf(items), RANGES);
    t.is(failures.length, 1);
    t.is(failures[0]?.peer.url, bad.peer.url);
  },
);

for (const [what, length] of [
  ['is 0', 0],
  ['is a text', '100'],
  ['is no whole number', 1.5],
  ['is more than a body can have', 10 * MIB],
] as const)
  test(`a line whose length in zstd ${what} breaks the protocol, also for whoever takes gzip`, async (t) => {
    const folder = await plainFolder(t);
    const lines = folder.entries.map((entry) =>
      JSON.stringify({ ...(JSON.parse(entryLine(entry)) as object), zstd: length }),
    );
    const files = new Map([...folder.files, [indexPathOf(0), Buffer.from(`${lines.join('\n')}\n`)] as const]);
    t.is(codeOf(await fetchTiles(await serveFolder(t, { files }))), 'PROTOCOL_VIOLATION');
  });

test('the size of history is that of the encoding that it would come in', async (t) => {
  const folder = inZstdToo(await plainFolder(t));
  const server = await serveFolder(t, folder);
  const [peer] = (await withOthers([server])).more.others ?? [];
  if (peer === undefined) throw new TypeError('The server is a peer.');
  const { signal } = new AbortController();
  const sizeIn = (acceptCodecs?: readonly string[]): Promise<number> | undefined =>
    transport().sizeOf?.(peer, { from: 0, to: 19 }, { signal, ...(acceptCodecs && { acceptCodecs }) });
  const sum = (lengths: readonly number[]): number => lengths.reduce((all, each) => all + each, 0);
  const inGzip = sum(folder.entries.map(({ bytes }) => bytes));
  t.is(await sizeIn(), inGzip);
  t.is(await sizeIn(['gzip']), inGzip);
  t.is(
    await sizeIn(['zstd', 'gzip']),
    sum(folder.entries.map(({ otherBytes }) => otherBytes?.['zstd'] ?? 0)),
  );
});
