// Serves followers, appends blocks when it is told to, and tells what that took.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { memoryStorage } from '../plugins/storage-memory/index.js';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';
import { openChain } from '../src/open-chain.js';
import { createSyncServer, nodeListener } from '../src/server/index.js';
import type { Appended, Memory } from './followers.js';

const PER_SECOND = 20;
const BLOCK_BYTES = 2000;
/** What was sent last may still be under way for so long. */
const SETTLE_MS = 1000;

const chain = await openChain({ storage: memoryStorage() });
const limits = { maxStreams: 5000, maxStreamsPerAddress: 5000 };
const server = createServer(nodeListener(createSyncServer({ source: chain, limits })));
let previousHash = SEALED_JSON_GENESIS;
let height = 0;

/** Milliseconds of the clock that all processes of a machine share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

async function append(count: number): Promise<Appended> {
  const times: Record<number, number> = {};
  const before = process.cpuUsage();
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    await delay(Math.max(0, start + (index * 1000) / PER_SECOND - performance.now()));
    const text = randomBytes((BLOCK_BYTES / 4) * 3 - 150).toString('base64');
    const { document, hash } = seal(Buffer.from(JSON.stringify({ text })), { height, previousHash });
    times[height] = now();
    await chain.append([document]);
    previousHash = hash;
    height += 1;
  }
  await delay(SETTLE_MS);
  const { user, system } = process.cpuUsage(before);
  return { times, userMicros: user, systemMicros: system, height };
}

/** What the process holds once the collector has run. */
async function memory(): Promise<Memory> {
  for (let round = 0; round < 5; round++) {
    global.gc?.();
    await delay(100);
  }
  const spaces = getHeapSpaceStatistics();
  const young = spaces.find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
  return { ...process.memoryUsage(), young };
}

process.on('message', (request: { readonly append: number } | 'memory') => {
  const answer = request === 'memory' ? memory() : append(request.append);
  void answer.then((value) => process.send?.(value));
});
process.once('disconnect', () => {
  process.exit();
});
server.listen(0, '127.0.0.1', 2048, () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync/stream` });
});
