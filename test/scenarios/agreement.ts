import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import { type BlockSource, createSyncEngine, openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';

const BLOCKS = Number(process.env['BLOCKS'] ?? 60);
const AGREE = 2;
const memory = { use: 'memory' } as const;

async function serve(source: BlockSource): Promise<string> {
  const server = createServer(nodeListener(createSyncServer({ source }), { path: '/sync' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** How long a block takes from `append` at its source to a handler that wants two of three peers to have it; the other two peers follow the first. */
export async function agreement(): Promise<void> {
  const source = await openChain({ storage: memory, chain: 'sealed-json' });
  let parent = { height: -1, hash: SEALED_JSON_GENESIS };
  const append = async (): Promise<number> => {
    const body = new TextEncoder().encode(JSON.stringify({ timestamp: Date.now() }));
    const block = seal(body, { height: parent.height + 1, previousHash: parent.hash });
    parent = { height: parent.height + 1, hash: block.hash };
    const startMs = performance.now();
    await source.append([block.document]);
    return startMs;
  };
  await append();
  const first = await serve(source);
  const replicas = await Promise.all([1, 2].map(() => replicaOf(first)));
  const engine = createSyncEngine({
    peers: [first, ...replicas],
    storage: memory,
    follow: true,
    agree: AGREE,
  });
  const arrivals = new Map<number, number>();
  engine.run(({ height }) => void arrivals.set(height, performance.now())).catch(console.error);
  while (!arrivals.has(0)) await sleep(10);
  const tookMs: number[] = [];
  for (let made = 0; made < BLOCKS; made++) {
    await sleep(1_000 + Math.random() * 500);
    const startMs = await append();
    while (!arrivals.has(parent.height)) await sleep(1);
    tookMs.push((arrivals.get(parent.height) ?? NaN) - startMs);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number): string =>
    `${(tookMs[Math.ceil(share * tookMs.length) - 1] ?? NaN).toFixed(0)} ms`;
  console.log(`append → handler, agree ${AGREE} of 3, ${BLOCKS} blocks: p50 ${at(0.5)}, p99 ${at(0.99)}`);
}

/** A node that follows a peer and serves what it has. */
async function replicaOf(peer: string): Promise<string> {
  const engine = createSyncEngine({ peers: [peer], storage: memory, follow: true });
  engine.start().catch(console.error);
  return serve(await engine.opened());
}
