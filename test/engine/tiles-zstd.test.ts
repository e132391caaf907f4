import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  type Chain,
  createSyncEngine,
  type SyncEngine,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import { withCodec } from '../helpers/builtin-codecs.js';
import { bulkyFirst } from '../helpers/chain-tiles.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type FileServer, type Files, serveFiles } from '../helpers/tile-files.js';
import { tileFolder } from '../helpers/tile-folder.js';
import { bodiesAsked, inZstdToo, type ZstdFolder } from '../helpers/zstd-folder.js';
import { bytesOf } from './follow-support.js';

const documents = sealedChain(300, bulkyFirst);
const codecs = ['zstd', 'gzip', 'identity'];
const retry = { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 5 };

interface Run {
  readonly engine: SyncEngine;
  readonly events: readonly SyncEvent[];
}

function engineOf(
  t: ExecutionContext,
  config: Pick<SyncEngineConfig, 'peers'> & Partial<SyncEngineConfig>,
): Run {
  const engine = createSyncEngine({ storage: { use: 'memory' }, retry, codecs, ...config });
  t.teardown(() => engine.close());
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  return { engine, events };
}

const dropped = ({ events }: Run): readonly (readonly [string, string | undefined])[] =>
  events.flatMap((event) =>
    event.type === 'peer' && event.status === 'dropped' ? [[event.peer, event.error?.code] as const] : [],
  );

const asked = ({ requests }: FileServer, suffix: 'gz' | 'zst'): readonly string[] =>
  bodiesAsked(
    requests.map((path) => ({ path })),
    suffix,
  );

async function folderOf(t: ExecutionContext): Promise<ZstdFolder> {
  return inZstdToo(await tileFolder(t, documents, { hasTail: true }));
}

/** The files without some, or with other bodies in zstd. */
const withZstd = ({ files }: ZstdFolder, body: (bytes: Uint8Array) => Uint8Array | null): Files =>
  new Map(
    [...files].flatMap(([path, bytes]) => {
      const sent = path.endsWith('.zst') ? body(bytes) : bytes;
      return sent === null ? [] : [[path, sent] as const];
    }),
  );

const all = async (chain: Chain | null): Promise<boolean> => (await bytesOf(chain)).equals(ndjson(documents));

for (const [where, storage] of [
  ['in memory', (): SyncEngineConfig['storage'] => ({ use: 'memory' })],
  ['on disk', (dir: string): SyncEngineConfig['storage'] => ({ use: 'leveldb', location: dir })],
] as const)
  withCodec(
    'zstd',
    `a node that keeps its blocks ${where} takes them in zstd, on threads and without, and has them all`,
    async (t) => {
      const { files, zstdPaths } = await folderOf(t);
      const server = await serveFiles(t, () => files);
      for (const threads of [0, 2]) {
        server.requests.length = 0;
        const { engine } = engineOf(t, {
          peers: [server.url],
          threads,
          storage: storage(join(tempDir(t), 'copy')),
        });
        await engine.start();
        t.true(await all(engine.chain));
        t.deepEqual(asked(server, 'zst').toSorted(), zstdPaths.toSorted());
        t.deepEqual(asked(server, 'gz'), []);
      }
    },
  );

withCodec(
  'zstd',
  'a peer whose tiles in zstd are false ends the sync that has no other, and is done without where there is one',
  async (t) => {
    const folder = await folderOf(t);
    const bad = await serveFiles(t, () => withZstd(folder, (bytes) => bytes.subarray(0, -1)));
    const plain = await tileFolder(t, documents, { hasTail: true });
    const good = await serveFiles(t, () => plain.files);
    const alone = engineOf(t, { peers: [bad.url] });
    await t.throwsAsync(alone.engine.start(), { code: 'CODEC_CORRUPT' });
    t.is(alone.engine.chain?.tip().head ?? null, null);
    t.deepEqual(asked(bad, 'gz'), []);
    const run = engineOf(t, { peers: [bad.url, good.url] });
    await run.engine.start();
    t.true(await all(run.engine.chain));
    t.deepEqual(
      dropped(run).filter(([, code]) => code !== 'CODEC_CORRUPT'),
      [],
    );
    t.true(dropped(run).every(([peer]) => peer.startsWith(bad.url)));
  },
);

withCodec('zstd', 'a peer that names tiles in zstd and has none is not dropped', async (t) => {
  const folder = await folderOf(t);
  const server = await serveFiles(t, () => withZstd(folder, () => null));
  const run = engineOf(t, { peers: [server.url] });
  await run.engine.start();
  t.true(await all(run.engine.chain));
  t.deepEqual(dropped(run), []);
});

withCodec(
  'zstd',
  'a node without zstd in its codecs asks for nothing in it, whatever the index names',
  async (t) => {
    const { files } = await folderOf(t);
    const server = await serveFiles(t, () => files);
    const { engine } = engineOf(t, { peers: [server.url], codecs: ['gzip', 'identity'] });
    await engine.start();
    t.true(await all(engine.chain));
    t.deepEqual(asked(server, 'zst'), []);
  },
);
