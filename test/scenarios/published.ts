import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSyncEngine, openChain } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { plainNginx, programMissing } from './nginx/nginx.js';
import { CountingProxy } from './nginx/origin.js';
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
    const { count, bytes } = folderSize(join(dir, 'public'));
    console.log(`the folder: ${BLOCKS} blocks, ${count} files, ${megabytes(bytes)}`);
    const seconds = await sync(`http://127.0.0.1:${cache.port}`, head);
    const tiles = counted.asked.filter(({ what }) => what.endsWith('.gz'));
    const small = counted.asked.filter(({ what }) => !what.endsWith('.gz'));
    const sum = (asked: typeof tiles): number => asked.reduce((all, one) => all + one.bytes, 0);
    console.log(
      `${NODES} nodes, ${AT_ONCE} at a time, each with all blocks verified, in ${seconds.toFixed(1)} s`,
    );
    console.log(
      `the origin sent ${tiles.length} tiles (${new Set(tiles.map(({ what }) => what)).size} different), ${megabytes(sum(tiles))}; ${small.length} status documents and index pages, ${megabytes(sum(small))}`,
    );
    console.log(
      `to the nodes went ${megabytes(NODES * bytes)} or more; the origin sent ${((100 * sum(counted.asked)) / (NODES * bytes)).toFixed(1)} % of that`,
    );
    if (tiles.length !== new Set(tiles.map(({ what }) => what)).size)
      throw new Error('a tile was sent twice');
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(dir, { recursive: true, force: true });
  }
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
  await run(['publish', '--data', data, '--out', join(dir, 'public', 'sync'), '--finality-depth', '0']);
  return hash;
}

async function sync(peer: string, head: string | undefined): Promise<number> {
  const startMs = performance.now();
  let left = NODES;
  const node = async (): Promise<void> => {
    while (left-- > 0) {
      const engine = createSyncEngine({ peers: [`${peer}/sync`], storage: { use: 'memory' } });
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
  location ~ ^/sync/tiles/.*\\.(gz|zst)$ { add_header Cache-Control "public, max-age=31536000, immutable, no-transform"; }
  location ~ ^/sync/(status|tiles/.*/index\\.ndjson)$ { add_header Cache-Control no-cache; }
}`;

const CACHE = `proxy_cache_path FOLDER levels=1:2 keys_zone=tiles:16m max_size=10g use_temp_path=off;
server {
  listen 127.0.0.1:PORT;
  proxy_http_version 1.1;
  location / { proxy_pass http://127.0.0.1:ORIGIN; proxy_set_header Connection ""; }
  location ~ ^/sync/tiles/.+\\.(gz|zst)$ {
    proxy_pass http://127.0.0.1:ORIGIN;
    proxy_set_header Connection "";
    proxy_cache tiles;
    proxy_cache_key "$uri";
    proxy_cache_lock on;
    proxy_cache_bypass $http_cache_control;
  }
}`;
