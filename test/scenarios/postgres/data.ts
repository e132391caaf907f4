import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findWorkload, isAvailable, type Workload } from '../../../bench/workloads.js';
import { createPostgresStore } from '../../../plugins/storage-postgres/index.js';
import { secp256k1Signer } from '../../../plugins/signer-secp256k1/index.js';
import { type BlockSource, type Chain, createSyncEngine, openChain } from '../../../src/index.js';
import type { SyncEngineConfig } from '../../../src/index.js';
import { createSyncServer, nodeListener } from '../../../src/server/index.js';
import { PostgresCluster } from '../../helpers/postgres-cluster.js';

type StorageOption = NonNullable<SyncEngineConfig['storage']>;

/** So many documents are appended at a time, and so many blocks asked for. */
const BATCH = 128;
const AT_ONCE = 32;

/** `BLOCKS` for fewer of each. */
const BLOCKS = process.env['BLOCKS'] === undefined ? null : Number(process.env['BLOCKS']);

/** Real blocks go into a store with a standby that confirms, are served by a reader, and synced by each mode. */
export async function realBlocks(bin: string): Promise<void> {
  const cluster = await PostgresCluster.start(bin);
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-data-'));
  try {
    await createPostgresStore({ url: cluster.primary.url });
    for (const name of ['ethereum', 'healthcare']) {
      const workload = findWorkload(name, BLOCKS);
      if (workload === null || !isAvailable(workload))
        console.log(`${name}: skipped, it is not on this machine`);
      else await each(workload, cluster.url(), dir);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await cluster.stop();
  }
}

async function each(workload: Workload, url: string, dir: string): Promise<void> {
  const storage = { use: 'postgres', url, store: workload.name } as const;
  const writer = await openChain({ storage, chain: workload.chain, finality: { depth: 64 } });
  const imported = await append(writer, workload);
  await writer.close();
  const reader = await openChain({ storage: { ...storage, role: 'reader' }, chain: workload.chain });
  const signer = await secp256k1Signer(new Uint8Array(32).fill(1));
  const sources: readonly (readonly [string, BlockSource])[] = [
    ['tiles', reader],
    ['rows', rowsOf(reader)],
  ];
  console.log(`${workload.blocks} ${workload.name} blocks imported, and equal in the store`);
  for (const [name, source] of sources) {
    if (name === 'tiles' && (reader.tiles ?? null) === null) {
      console.log('  tiles: the store has none');
      continue;
    }
    const directory = join(dir, `${workload.name}-${name}`);
    const server = createSyncServer({ source, snapshots: { signer, directory, types: ['full'] } });
    const http = createServer(nodeListener(server, { path: '/sync' }));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const peer = `http://127.0.0.1:${(http.address() as AddressInfo).port}/sync`;
    for (const way of waysOf(name, signer.publicKey)) {
      if (way.config.mode === 'snapshot') await snapshotMade(peer);
      const location = join(dir, `${workload.name}-${name}-${way.title}`);
      const into: StorageOption = way.isShared
        ? { use: 'postgres', url, store: `${workload.name} again` }
        : { use: 'leveldb', location };
      console.log(`  ${way.title}: ${await synced(peer, way.config, into, workload, imported)}`);
    }
    await server.close();
    http.closeAllConnections();
    http.close();
  }
  await reader.close();
}

interface Way {
  readonly title: string;
  readonly config: Partial<SyncEngineConfig>;
  /** Whether the blocks go into a store of the database too. */
  readonly isShared?: boolean;
}

function waysOf(name: string, publicKey: string): readonly Way[] {
  if (name === 'tiles') return [{ title: 'tiles', config: { mode: 'json' } }];
  const trust = { signers: [publicKey] };
  return [
    { title: 'stream', config: { mode: 'stream' } },
    { title: 'stream into the database', config: { mode: 'stream' }, isShared: true },
    { title: 'json', config: { mode: 'json' } },
    { title: 'snapshot', config: { mode: 'snapshot', trust, snapshot: { type: 'full' } } },
  ];
}

/** @returns the hash over all documents */
async function append(chain: Chain, workload: Workload): Promise<string> {
  const hash = createHash('sha256');
  let batch: Uint8Array[] = [];
  for await (const document of workload.documents()) {
    hash.update(document);
    batch.push(document);
    if (batch.length === BATCH) {
      await chain.append(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await chain.append(batch);
  const wanted = hash.digest('hex');
  if ((await hashOf(chain, workload.blocks)) !== wanted)
    throw new Error(`${workload.name} differs in the store.`);
  return wanted;
}

async function hashOf(chain: Chain, blocks: number): Promise<string> {
  const hash = createHash('sha256');
  for (let from = 0; from < blocks; from += AT_ONCE) {
    const heights = Array.from({ length: Math.min(AT_ONCE, blocks - from) }, (_, index) => from + index);
    for (const block of await Promise.all(heights.map((height) => chain.get(height)))) {
      if (block === null) throw new Error(`A block of those from ${from} on is missing.`);
      hash.update(block.bytes);
    }
  }
  return hash.digest('hex');
}

/** @returns how, and in what time. @throws Error when a byte differs */
async function synced(
  peer: string,
  config: Partial<SyncEngineConfig>,
  storage: StorageOption,
  { blocks, chain, name }: Workload,
  wanted: string,
): Promise<string> {
  const engine = createSyncEngine({ ...config, peers: [peer], storage, chain });
  const ways = new Set<string>();
  engine.states.subscribe(({ mode }) => {
    if (mode !== null) ways.add(mode);
  });
  const startMs = performance.now();
  await engine.start();
  const seconds = (performance.now() - startMs) / 1000;
  const found = await hashOf(await engine.opened(), blocks);
  await engine.close();
  if (found !== wanted) throw new Error(`${name} differs after a sync by ${[...ways].join()}.`);
  return `equal (by ${[...ways].join(' and ')}, ${seconds.toFixed(1)} s)`;
}

/** The first who asks has it made. @throws Error after some minutes */
async function snapshotMade(peer: string): Promise<void> {
  let answer = await fetch(`${peer}/snapshot/manifest?type=full`);
  for (let tries = 0; answer.status !== 200; tries++) {
    if (tries > 1_000) throw new Error(`no snapshot: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
    await delay(200);
    answer = await fetch(`${peer}/snapshot/manifest?type=full`);
  }
}

/** The same chain, without the tiles that it may have. */
function rowsOf(of: Chain): BlockSource {
  return {
    chain: of.chain,
    chainId: () => of.chainId(),
    tip: () => of.tip(),
    header: (height) => of.header(height),
    read: (range, options) => of.read(range, options),
    subscribe: (listener) => of.subscribe(listener),
    storedAs: () => of.storedAs(),
    view: () => of.view(),
  };
}
