// Appends blocks while many clients follow; prints how long they take to arrive and what a follower costs in memory.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { memoryStorage } from '../plugins/storage-memory/index.js';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';
import { openChain } from '../src/open-chain.js';
import { createSyncServer, nodeListener } from '../src/server/index.js';

const FOLLOWERS = Number(process.argv[2] ?? 1000);
const SLOW = 50;
const BLOCKS = Number(process.argv[3] ?? 200);
const PER_SECOND = 20;
const BLOCK_BYTES = 2000;

const chain = await openChain({ storage: memoryStorage() });
const limits = { maxStreams: 5000, maxStreamsPerAddress: 5000 };
const sync = createSyncServer({ source: chain, limits });
const server = createServer(nodeListener(sync));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 2048, resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync/stream?follow=true`;
let previousHash = SEALED_JSON_GENESIS;
let height = 0;

/** Appends a block; gives when it was durable and about to be told of. */
async function append(): Promise<{ readonly height: number; readonly at: number }> {
  const text = randomBytes((BLOCK_BYTES / 4) * 3 - 150).toString('base64');
  const { document, hash } = seal(Buffer.from(JSON.stringify({ text })), { height, previousHash });
  const at = performance.timeOrigin + performance.now();
  await chain.append([document]);
  previousHash = hash;
  return { height: height++, at };
}

function message<T>(child: ChildProcess, fits: (value: object) => value is T & object): Promise<T> {
  return new Promise((resolve) => {
    const listener = (value: object): void => {
      if (!fits(value)) return;
      child.off('message', listener);
      resolve(value);
    };
    child.on('message', listener);
  });
}

async function clients(fast: number, slow: number): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('followers-process.js', import.meta.url));
  const child = fork(script, [`${url}&from_height=${height}`, String(fast), String(slow)]);
  await message(child, (value): value is object => 'open' in value && value.open === fast + slow);
  return child;
}

/** Resident memory in kB once the collector has run. */
async function resident(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    global.gc?.();
    await delay(100);
  }
  return process.memoryUsage.rss() / 1000;
}

async function measure(label: string, child: ChildProcess): Promise<void> {
  const start = performance.now();
  for (let count = 0; count < BLOCKS; count++) {
    await delay(Math.max(0, start + (count * 1000) / PER_SECOND - performance.now()));
    child.send(await append());
  }
  await delay(1000);
  const reported = message(child, (value): value is { latencies: number[] } => 'latencies' in value);
  child.send('report');
  const { latencies } = await reported;
  latencies.sort((a, b) => a - b);
  const at = (part: number): string => (latencies[Math.floor(latencies.length * part)] ?? NaN).toFixed(1);
  console.log(
    `${label}: ${latencies.length} arrivals, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.99999)} ms`,
  );
}

for (let count = 0; count < 20; count++) await append();
const warmUp = await clients(20, 0);
await measure('warm-up, 20 followers', warmUp);
warmUp.kill();
await delay(300);
const before = await resident();
const fast = await clients(FOLLOWERS, 0);
const idle = await resident();
console.log(
  `resident: ${before.toFixed(0)} kB without followers; ${((idle - before) / FOLLOWERS).toFixed(1)} kB for each of ${FOLLOWERS}`,
);
await measure(`${FOLLOWERS} followers`, fast);
const after = await resident();
console.log(
  `after the blocks: ${((after - before) / FOLLOWERS).toFixed(1)} kB for each, the newest blocks included`,
);
const slow = await clients(0, SLOW);
await measure(`${FOLLOWERS} followers and ${SLOW} slow ones`, fast);
const withSlow = await resident();
console.log(`the slow ones: ${((withSlow - after) / SLOW).toFixed(1)} kB for each, the new blocks included`);
fast.kill();
slow.kill();
await sync.close();
server.closeAllConnections();
server.close();
await chain.close();
