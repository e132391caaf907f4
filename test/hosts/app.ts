// A program as a host may bundle it: it serves a store of LevelDB from Express and syncs from itself in every way. What
// came of it is printed as JSON. `test/hosts` bundles it, and runs it in other runtimes.
import { subscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createSyncEngine, openChain, type SyncEngineConfig } from 'blockferry';
import { syncDashboard, syncMiddleware } from 'blockferry/express';
import { createMetrics } from 'blockferry/metrics';
import { ethereum } from 'blockferry/plugins/chain-ethereum';
import { seal, SEALED_JSON_GENESIS } from 'blockferry/plugins/chain-sealed-json';
import { secp256k1Signer } from 'blockferry/plugins/signer-secp256k1';

const BLOCKS = 1200;
const folder = mkdtempSync(join(tmpdir(), 'blockferry-app-'));
const warnings: string[] = [];
process.on('warning', ({ name, message }) => {
  warnings.push(`${name}: ${message}`);
});

let threads = 0;
subscribe('worker_threads', () => {
  threads++;
});

function documents(): Uint8Array[] {
  let previousHash = SEALED_JSON_GENESIS;
  return Array.from({ length: BLOCKS }, (_, height) => {
    const { document, hash } = seal(Buffer.from(`{"records":[${height}]}`), { height, previousHash });
    previousHash = hash;
    return document;
  });
}

async function main(): Promise<void> {
  const chain = await openChain({ storage: { use: 'leveldb', location: join(folder, 'served') } });
  await chain.append(documents());
  const signer = await secp256k1Signer(Buffer.alloc(32, 1));
  const metrics = createMetrics();
  const sync = syncMiddleware({
    source: chain,
    metrics,
    snapshots: { signer, directory: join(folder, 'snapshots') },
  });
  const app = express();
  app.use('/dashboard', syncDashboard({ chain }));
  app.use('/sync', sync);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const text = async (path: string): Promise<string> => (await fetch(base + path)).text();
  while ((JSON.parse(await text('/sync/status')) as { tiles: unknown }).tiles === null)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const node = async (name: string, config: Partial<SyncEngineConfig>): Promise<string> => {
    const location = join(folder, name);
    const engine = createSyncEngine({ peers: [base], storage: { use: 'leveldb', location }, ...config });
    const modes: string[] = [];
    engine.events.subscribe((event) => {
      if (event.type === 'mode') modes.push(event.mode);
    });
    await engine.start();
    const head = engine.state.checkpoint?.head ?? null;
    await engine.close();
    return `${modes.join('+')} to ${head?.height} ${head?.hash === chain.tip().head?.hash ? 'same' : 'other'}`;
  };
  const result = {
    stream: await node('stream', { mode: 'stream' }),
    json: await node('json', { mode: 'json' }),
    tiles: await node('tiles', {}),
    snapshot: await node('snapshot', { mode: 'snapshot', trust: { signers: [signer.publicKey] } }),
    keccak: ethereum().create().id,
    dashboard: (await text('/dashboard/')).includes('<script type="module">'),
    metrics: (await text('/sync/metrics')).includes('blockferry_'),
    threads: threads > 0,
    warnings,
  };
  await sync.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await chain.close();
  console.log(JSON.stringify(result, null, 1));
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    rmSync(folder, { recursive: true, force: true });
  });
