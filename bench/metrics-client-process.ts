import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSyncEngine } from '../src/index.js';
import { createMetrics, type SyncMetrics } from '../src/metrics/index.js';
import { cpuMsSince, settings, tell } from './process.js';

/** Syncs into memory as often as the parent says, with metrics that can be scraped, or without; tells what each sync took. */
const { url, blocks } = settings() as { readonly url: string; readonly blocks: number };
let metrics: SyncMetrics | null = null;
const page = createServer((_request, response) => {
  void (metrics?.text() ?? Promise.resolve('')).then((text) => response.end(text));
});
await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
process.on('message', (path: string) => {
  void run(path).then(tell);
});
process.once('disconnect', () => {
  page.closeAllConnections();
  page.close();
});
await tell({ url: `http://127.0.0.1:${(page.address() as AddressInfo).port}` });

async function run(path: string): Promise<object> {
  const served = await serverCpuMs('?gc=1');
  globalThis.gc?.();
  const before = process.cpuUsage();
  const engine = createSyncEngine({ peers: [`${url}/${path}`], storage: { use: 'memory' }, mode: 'stream' });
  if (path === 'measured') {
    metrics = createMetrics();
    metrics.watch(engine);
  }
  await engine.start();
  const clientMs = cpuMsSince(before);
  const serverMs = (await serverCpuMs('')) - served;
  const { height = -1 } = engine.state.checkpoint?.head ?? {};
  metrics = null;
  await engine.close();
  if (height !== blocks - 1) throw new Error(`The sync ended at block ${height}.`);
  return { clientMs, serverMs };
}

async function serverCpuMs(query: string): Promise<number> {
  const { user, system } = (await (await fetch(`${url}/cpu${query}`)).json()) as NodeJS.CpuUsage;
  return (user + system) / 1000;
}
