import type { ExecutionContext } from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { zstd } from '../../plugins/codec-zstd/index.js';
import type { StreamRequest, VerifyTile } from '../../src/contracts/index.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { withCodec } from '../helpers/builtin-codecs.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';
import { inZstdToo, type ZstdFolder } from '../helpers/zstd-folder.js';
import {
  type Answer,
  type CuttingServer,
  documents,
  largeFolder,
  serveCutting,
  type TileAsked,
} from './transport-tile-resume-support.js';
import {
  codeOf,
  documentsOf,
  fetchTiles,
  testLimits,
  tileAt,
  tileRequest,
  transport,
} from './transport-tile-support.js';
import { type Outcome, run } from './transport-json-range-support.js';

const whole = ndjson(documents);
const rules = sealedJson().create();

const verifyTile: VerifyTile = (...tile) => {
  const { maxBlockBytes } = testLimits;
  return createTileVerifier({
    ...{ rules, worker: null, codecs: [zstd()], maxBlockBytes, threads: 0 },
  }).verify(...tile);
};

const inZstd: Partial<StreamRequest> = { verifyTile, acceptCodecs: ['zstd', 'gzip', 'identity'] };

/** The paths of a tile's bodies. */
interface Bodies {
  readonly gz: string;
  readonly zst: string;
}

/** Those of the tiles 0–3 and 4–7. */
function bodiesOf(folder: ZstdFolder): readonly [Bodies, Bodies] {
  const [first = '', second = ''] = folder.zstdPaths;
  return [
    { gz: tileAt(folder, 0), zst: first },
    { gz: tileAt(folder, 4), zst: second },
  ];
}

/** Serves a folder with all its bodies under one tag, as no server should: only what is asked for keeps them apart. */
function serveBodies(
  t: ExecutionContext,
  folder: ZstdFolder,
  answer: (request: TileAsked) => Answer,
): Promise<CuttingServer> {
  const isBody = (path: string): boolean => path.includes('.ndjson.');
  return serveCutting(
    t,
    folder,
    (request) => answer(request),
    (path) => isBody(path) && !path.includes('index'),
  );
}

/** What a server was asked for of a tile, in order: how its path ends, and the first byte where that was not all. */
function askedOf({ asked }: CuttingServer, { gz, zst }: Bodies): readonly string[] {
  return asked
    .filter(({ path }) => path === gz || path === zst)
    .map(({ path, start }) => `${path === gz ? 'gz' : 'zst'}${start === null ? '' : ` from ${start}`}`);
}

withCodec('zstd', 'of a tile in zstd that is cut off only the rest is fetched', async (t) => {
  const folder = inZstdToo(await largeFolder(t));
  const [first] = bodiesOf(folder);
  const server = await serveBodies(t, folder, ({ path, start }) =>
    path === first.zst && start === null ? { cutAfter: 1_000_000 } : {},
  );
  const { items, error } = await fetchTiles(server, inZstd);
  t.is(error, null, error?.message);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(askedOf(server, first), ['zst', 'zst from 1000000']);
});

withCodec(
  'zstd',
  'what came of a tile in zstd is not gone on with in gzip, where the peer has turned out to have no zstd',
  async (t) => {
    const folder = inZstdToo(await largeFolder(t));
    const [first, second] = bodiesOf(folder);
    // The first tile breaks off once the client knows that there is no zstd.
    const isKnown = (): boolean => server.asked.some(({ path }) => path === second.gz);
    const server = await serveBodies(t, folder, ({ path }) => {
      if (path === first.zst) return { cutAfter: 1_000_000, cutWhen: until(isKnown) };
      return path === second.zst ? { status: 404 } : {};
    });
    const { items, error } = await fetchTiles(server, inZstd);
    t.is(error, null, error?.message);
    t.true(documentsOf(items).equals(whole));
    t.deepEqual(askedOf(server, first), ['zst', 'gz']);
  },
);

withCodec(
  'zstd',
  'where the rest of a body in zstd is gone, the tile comes in gzip from the beginning',
  async (t) => {
    const folder = inZstdToo(await largeFolder(t));
    const [first] = bodiesOf(folder);
    let isGone = false;
    const server = await serveBodies(t, folder, ({ path }) => {
      if (path !== first.zst) return {};
      const answer = isGone ? { status: 404 } : { cutAfter: 1_000_000 };
      isGone = true;
      return answer;
    });
    const { items, error } = await fetchTiles(server, inZstd);
    t.is(error, null, error?.message);
    t.true(documentsOf(items).equals(whole));
    // The rest, the whole, the whole past caches.
    t.deepEqual(askedOf(server, first), ['zst', 'zst from 1000000', 'zst', 'zst', 'gz']);
  },
);

withCodec('zstd', 'what an earlier download has of a tile in gzip is not gone on with in zstd', async (t) => {
  const folder = inZstdToo(await largeFolder(t));
  const [first] = bodiesOf(folder);
  let hasZstd = false;
  const server = await serveBodies(t, folder, ({ path }) => {
    if (path.endsWith('.zst')) return hasZstd ? {} : { status: 404 };
    return path === first.gz ? { cutAfter: 10_000 } : {};
  });
  const tiles = transport();
  t.teardown(() => tiles.close?.());
  const { signal } = new AbortController();
  const open = (): Promise<Outcome> => run(tiles.open(tileRequest(server.peer, inZstd), { signal }));
  t.is(codeOf(await open()), 'STREAM_TRUNCATED');
  t.true(askedOf(server, first).includes('gz from 10000'), askedOf(server, first).join());
  server.asked.length = 0;
  hasZstd = true;
  const { items, error } = await open();
  t.is(error, null, error?.message);
  t.true(documentsOf(items).equals(whole));
  t.deepEqual(askedOf(server, first), ['zst']);
});
