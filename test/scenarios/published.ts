import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeyFile } from '../../plugins/signer-secp256k1/index.js';
import { createSyncEngine, openChain } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { plainNginx, programMissing } from './nginx/nginx.js';
import { type Asked, CountingProxy } from './nginx/origin.js';
import { run } from './program.js';

const NODES = 100;
const AT_ONCE = 20;
const BLOCKS = 20_000;

/**
 * 100 new nodes from a folder that `publish` has written: an nginx that has the files, what counts before it, and an nginx with
 * a cache that the nodes ask.
 */
export async function published(): Promise<void> {
  const missing = programMissing('nginx', '-v');
  if (missing !== null) {
    console.log(`skipped: ${missing}`);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'published-'));
  const ends: (() => Promise<void>)[] = [];
  try {
    const head = await makeFolder(dir);
    const files = await plainNginx(subfolder(dir, 'files'), FILES.replaceAll('FOLDER', join(dir, 'public')));
    ends.push(() => files.end());
    const counted = await CountingProxy.before(files.port);
    ends.push(() => counted.close());
    const cache = await plainNginx(
      subfolder(dir, 'cache'),
      CACHE.replaceAll('FOLDER', join(dir, 'cached')).replaceAll('ORIGIN', String(counted.port)),
    );
    ends.push(() => cache.end());
    const address = `http://127.0.0.1:${cache.port}/sync`;
    await round('tiles', counted, join(dir, 'public', 'sync', 'tiles'), () => sync(address, head, null));
    counted.asked.length = 0;
    const { publicKey } = await readKeyFile(join(dir, 'key'));
    await round('snapshots', counted, join(dir, 'public', 'sync', 'snapshots'), () =>
      sync(address, head, publicKey),
    );
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Has the nodes sync, and tells what the origin sent for it. */
async function round(
  what: string,
  counted: CountingProxy,
  folder: string,
  nodes: () => Promise<number>,
): Promise<void> {
  const { count, bytes } = folderSize(folder);
  console.log(`by ${what}: ${BLOCKS} blocks, ${count} files, ${megabytes(bytes)}`);
  const seconds = await nodes();
  const isLarge = ({ what: path }: Asked): boolean => /\.(?:gz|part)$/.test(path);
  const large = counted.asked.filter(isLarge);
  const small = counted.asked.filter((one) => !isLarge(one));
  const sum = (asked: readonly Asked[]): number => asked.reduce((all, one) => all + one.bytes, 0);
  const different = new Set(large.map(({ what: path }) => path)).size;
  const sent = sum(counted.asked);
  console.log(
    `  ${NODES} nodes, ${AT_ONCE} at a time, each with all blocks verified, in ${seconds.toFixed(1)} s`,
  );
  console.log(
    `  the origin sent ${large.length} bodies (${different} different), ${megabytes(sum(large))}; ${small.length} status documents, index pages and manifests, ${megabytes(sum(small))}`,
  );
  console.log(
    `  to the nodes went ${megabytes(NODES * bytes)} or more; the origin sent ${((100 * sent) / (NODES * bytes)).toFixed(1)} % of that`,
  );
  if (large.length !== different) throw new Error('a body was sent twice');
}

async function makeFolder(dir: string): Promise<string | undefined> {
  const data = join(dir, 'node');
  const chain = await openChain({ storage: { use: 'leveldb', location: data }, chain: 'sealed-json' });
  const documents = sealedChain(BLOCKS, (height) => ({
    timestamp: height,
    records: Array.from({ length: 8 }, (_, index) => ({ id: (height * 7919 + index * 104_729) % 1_000_003 })),
  }));
  for (let from = 0; from < BLOCKS; from += 1000) await chain.append(documents.slice(from, from + 1000));
  const hash = chain.tip().head?.hash;
  await chain.close();
  const key = join(dir, 'key');
  await run(['keygen', '--out', key]);
  const snapshot = ['snapshot', 'create', '--data', data, '--key', key, '--type', 'full'];
  await run(snapshot);
  await run(['publish', '--data', data, '--out', join(dir, 'public', 'sync'), '--finality-depth', '0']);
  return hash;
}

/** @param key - of the signer whose snapshots are taken; `null` takes none. */
async function sync(peer: string, head: string | undefined, key: string | null): Promise<number> {
  const startMs = performance.now();
  let left = NODES;
  const node = async (): Promise<void> => {
    while (left-- > 0) {
      const engine = createSyncEngine({
        peers: [peer],
        storage: { use: 'memory' },
        ...(key === null ? {} : { mode: 'snapshot', trust: { signers: [key] }, snapshot: { type: 'full' } }),
      });
      await engine.start();
      if (engine.state.checkpoint?.head?.hash !== head) throw new Error('a node has another head');
      await engine.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, node));
  return (performance.now() - startMs) / 1000;
}

function folderSize(path: string): { readonly count: number; readonly bytes: number } {
  const sizes = (readdirSync(path, { recursive: true }) as string[])
    .map((name) => statSync(join(path, name)))
    .filter((found) => found.isFile())
    .map(({ size }) => size);
  return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function subfolder(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  return path;
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(2)} MB`;

/** The web server that has the files: the lines of docs/scaling.md. */
const FILES = `server {
  listen 127.0.0.1:PORT;
  root FOLDER;
  location ~ ^/sync/(tiles|snapshots)/.*\\.(gz|zst|part)$ { add_header Cache-Control "public, max-age=31536000, immutable, no-transform"; }
  location ~ ^/sync/(status|tiles/.*/index\\.ndjson|snapshots/.*/manifest\\.json)$ { add_header Cache-Control no-cache; }
}`;

const CACHE = `proxy_cache_path FOLDER levels=1:2 keys_zone=tiles:16m max_size=10g use_temp_path=off;
server {
  listen 127.0.0.1:PORT;
  proxy_http_version 1.1;
  location / { proxy_pass http://127.0.0.1:ORIGIN; proxy_set_header Connection ""; }
  location ~ ^/sync/(tiles|snapshots)/.+\\.(gz|zst|part)$ {
    proxy_pass http://127.0.0.1:ORIGIN;
    proxy_set_header Connection "";
    proxy_cache tiles;
    proxy_cache_key "$uri";
    proxy_cache_lock on;
    proxy_cache_bypass $http_cache_control;
  }
}`;
