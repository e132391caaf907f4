import { request } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import test, { type ExecutionContext } from 'ava';
import { type Chain, createSyncEngine, openChain, type SyncEngineConfig } from '../../src/index.js';
import { createMetrics, type SyncMetrics } from '../../src/metrics/index.js';
import { METRICS } from '../../src/metrics/table.js';
import { syncMiddleware } from '../../src/server/express.js';
import { blocksOn, fork, refAt } from '../engine/follow-support.js';
import { key } from '../engine/snapshot-support.js';
import { parseOpenMetrics } from '../helpers/open-metrics.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent, listen, plainServer } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { openTiled, tiledDocuments } from '../helpers/tiled-chain.js';
import { until } from '../helpers/waiting.js';

type Values = ReadonlyMap<string, number>;

/** Every sample that there is: `blockferry_peers{state="active"}`. */
async function scrape(text: Promise<string>): Promise<Values> {
  const values = new Map<string, number>();
  for (const { samples } of parseOpenMetrics(await text))
    for (const { name, labels, value } of samples) {
      const pairs = Object.entries(labels).map(([label, each]) => `${label}=${each}`);
      values.set(pairs.length === 0 ? name : `${name} ${pairs.join(' ')}`, value);
    }
  return values;
}

/** What is above 0, by its family. */
function positive(all: readonly Values[]): ReadonlySet<string> {
  const names = all.flatMap((values) => [...values].filter(([, value]) => value > 0).map(([name]) => name));
  return new Set(names.map((name) => name.replace(/ .*/, '').replace(/_(total|count|sum|info)$/, '')));
}

async function serve(
  t: ExecutionContext,
  source: Chain,
  more: Partial<Parameters<typeof syncMiddleware>[0]> = {},
): Promise<{ readonly url: string; readonly metrics: SyncMetrics }> {
  const metrics = createMetrics();
  metrics.watch(source);
  const middleware = syncMiddleware({ source, metrics, ...more });
  t.teardown(() => middleware.close());
  return { url: `${await listen(t, express().use('/sync', middleware))}/sync`, metrics };
}

function follow(
  t: ExecutionContext,
  config: Partial<SyncEngineConfig> & Pick<SyncEngineConfig, 'peers'>,
): { readonly engine: ReturnType<typeof createSyncEngine>; readonly metrics: SyncMetrics } {
  const metrics = createMetrics();
  const engine = createSyncEngine({
    storage: { use: 'memory' },
    follow: true,
    retry: { baseDelayMs: 1 },
    ...config,
  });
  metrics.watch(engine);
  t.teardown(() => engine.close());
  engine.start().catch(() => undefined);
  return { engine, metrics };
}

test('every metric moves in real syncs between real servers and nodes', async (t) => {
  const scrapes: Values[] = [];
  const look = async (...all: readonly SyncMetrics[]): Promise<void> => {
    for (const metrics of all) scrapes.push(await scrape(metrics.text()));
  };
  const before = await scrape(createMetrics().text());

  // Tiles, a store on disk, live blocks, a lost connection, an old head.
  const source = await openTiled(join(tempDir(t), 'a'), tiledDocuments(400), { depth: 100 });
  t.teardown(() => source.close());
  const signer = await key(7);
  const snapshots = { signer, directory: join(tempDir(t), 'snapshots') };
  const server = await serve(t, source, { snapshots, limits: { writeStallMs: 300 } });
  const node = follow(t, {
    peers: [server.url],
    storage: { use: 'leveldb', location: join(tempDir(t), 'b') },
    staleAfterMs: 1,
  });
  await until(() => node.engine.state.checkpoint?.head?.height === 399);
  await source.append(blocksOn(source.tip().head, 3, 'more'));
  await until(() => node.engine.state.checkpoint?.head?.height === 402);
  await until(() => node.engine.state.stale);
  await look(server.metrics, node.metrics);

  // A client that takes nothing, one that asks for nonsense, and a snapshot.
  const idle = request(`${server.url}/json?from=0&to=399`, { headers: { 'accept-encoding': 'identity' } });
  idle.on('error', () => undefined);
  idle.on('response', (response) => response.pause());
  idle.end();
  t.teardown(() => idle.destroy());
  await until(async () => {
    await look(server.metrics);
    return (scrapes.at(-1)?.get('blockferry_streams_evicted_total') ?? 0) > 0;
  });
  await fetch(`${server.url}/stream?from_height=x`);
  const importing = follow(t, {
    peers: [server.url],
    mode: 'snapshot',
    trust: { signers: [signer.publicKey] },
    snapshot: { minBlocks: 1 },
  });
  await until(() => importing.engine.state.checkpoint?.head?.height === 402);
  await look(server.metrics, importing.metrics);

  // A fork, and a line that is lost.
  const forking = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => forking.close());
  await forking.append(blocksOn(null, 10, 'first'));
  const lines: { cut(): void } = { cut: () => undefined };
  const origin = syncMiddleware({ source: forking });
  t.teardown(() => origin.close());
  const url = await listen(t, (req, res) => {
    lines.cut = () => res.destroy();
    express().use('/sync', origin)(req, res);
  });
  const follower = follow(t, { peers: [url] });
  await until(() => follower.engine.state.phase === 'synced');
  await fork(forking, 5, 8, 'second');
  const head = await refAt(forking, 13);
  await until(() => follower.engine.state.checkpoint?.head?.hash === head.hash);
  lines.cut();
  await until(async () => {
    await look(follower.metrics);
    return [...(scrapes.at(-1) ?? [])].some(([name]) => name.startsWith('blockferry_reconnects_total'));
  });

  // A peer that lies, and claims more than it has.
  const [first, ...rest] = sealedChain(3);
  const liar = await plainServer(t, (_from, response) => {
    response.end(blockEvent(0, first ?? Buffer.alloc(0)) + blockEvent(2, rest[1] ?? Buffer.alloc(0)));
  });
  const deceived = follow(t, { peers: [liar], follow: false, chain: 'sealed-json' });
  await until(() => deceived.engine.peers[0]?.dropped !== null);
  await look(deceived.metrics);
  const behind = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => behind.close());
  await behind.append(blocksOn(null, 50, 'first'));
  const slow = await serve(t, behind);
  const held = follow(t, { peers: [slow.url], limits: { maxBatchBlocks: 1, maxPendingBytes: 1 } });
  await until(async () => {
    await look(held.metrics);
    const lag = scrapes.some((values) => (values.get('blockferry_lag_blocks') ?? 0) > 0);
    return lag || held.engine.state.phase === 'synced';
  });

  const tileBytes = 'blockferry_network_bytes_total direction=out way=tiles codec=gzip';
  t.true(scrapes.some((values) => (values.get(tileBytes) ?? 0) > 0));
  const moved = positive(scrapes);
  const still = positive([before]);
  for (const name of Object.keys(METRICS)) {
    if (name === 'blockferry_build') continue;
    t.false(still.has(name), `${name} is 0 or not there before anything has happened`);
    // Whether a scrape meets the moment at which a node of this machine is behind is chance.
    if (name === 'blockferry_lag_blocks')
      t.true(
        scrapes.some((values) => values.has(name)),
        name,
      );
    else t.true(moved.has(name), `${name} has moved`);
  }
});

test('figures are what has happened', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(sealedChain(40));
  const { url, metrics } = await serve(t, chain);
  const range = await fetch(`${url}/json?from=0&to=9`, { headers: { 'accept-encoding': 'identity' } });
  const bytes = (await range.arrayBuffer()).byteLength;
  await (await fetch(`${url}/json?from=90&to=80`)).arrayBuffer();
  const node = follow(t, { peers: [url], follow: false, mode: 'stream' });
  await until(() => node.engine.state.phase === 'synced');

  const server = await scrape(metrics.text());
  t.is(server.get('blockferry_height kind=head'), 39);
  t.is(server.get('blockferry_answers_total way=json status=200'), 1);
  t.is(server.get('blockferry_network_bytes_total direction=out way=json codec=identity'), bytes);
  t.is(server.get('blockferry_refusals_total code=BAD_REQUEST'), 1);
  t.is(server.get('blockferry_streams'), 0);
  const client = await scrape(node.metrics.text());
  t.is(client.get('blockferry_synced_blocks_total'), 40);
  t.is(client.get('blockferry_phase phase=synced'), 1);
  t.is(client.get('blockferry_lag_blocks'), 0);
  t.is(client.get('blockferry_decode_seconds_count'), 3, 'of 40 blocks the first, the 17th and the 33rd');
  t.is(client.get('blockferry_peers state=dropped'), 0);
  t.is(
    client.get('blockferry_network_bytes_total direction=in way=stream codec=identity'),
    sealedChain(40).reduce((sum, { length }) => sum + length, 0),
  );
});

test('what a stranger writes into a query makes no name of a metric', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(sealedChain(5));
  const { url, metrics } = await serve(t, chain);
  const headers = { 'accept-encoding': 'identity' };
  for (let i = 0; i < 5; i++) {
    const codec = encodeURIComponent(`made up ${i} "\n`);
    for (const path of ['json?from=0&to=4', 'stream?from_height=0', 'status?x=1', `tiles/${codec}?x=1`])
      await (await fetch(`${url}/${path}&codec=${codec}&frames=gzip`, { headers })).arrayBuffer();
    await (await fetch(`${url}/json?from=0&to=4&codec=${codec}`, { headers })).arrayBuffer();
  }
  await (await fetch(`${url}/stream?codec=gzip`, { headers })).arrayBuffer();
  const out = [...(await scrape(metrics.text())).keys()].filter((name) => name.includes('network_bytes'));
  t.deepEqual(out.map((name) => name.replace('blockferry_network_bytes_total direction=out ', '')).sort(), [
    'way=json codec=gzip',
    'way=json codec=identity',
    'way=stream codec=gzip',
  ]);
});

test('counters go on when another server takes the place of the first, and are those of all that run', async (t) => {
  const source = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => source.close());
  await source.append(sealedChain(20));
  const metrics = createMetrics();
  /** What was collected is good for a moment. */
  const comesTo = (name: string, value: number): Promise<void> =>
    until(async () => (await scrape(metrics.text())).get(name) === value);
  const answers = 'blockferry_answers_total way=json status=200';
  const ask = async (url: string): Promise<unknown> => (await fetch(`${url}/json?from=0&to=9`)).arrayBuffer();
  const servers = [syncMiddleware({ source, metrics }), syncMiddleware({ source, metrics })] as const;
  const urls: string[] = [];
  for (const server of servers) {
    t.teardown(() => server.close());
    urls.push(`${await listen(t, express().use('/sync', server))}/sync`);
  }
  const [first = '', second = ''] = urls;
  await ask(first);
  await ask(second);
  await comesTo(answers, 2);
  const stop = new AbortController();
  // One that nobody refers to any more is called off when garbage is collected.
  const streams = [
    await fetch(`${first}/stream?follow=true`, { signal: stop.signal }),
    await fetch(`${second}/stream?follow=true`, { signal: stop.signal }),
  ];
  await comesTo('blockferry_streams', 2);
  await servers[0].close();
  await comesTo('blockferry_streams', 1);
  await ask(second);
  await comesTo(answers, 3);
  t.deepEqual(
    streams.map(({ status }) => status),
    [200, 200],
  );
  stop.abort();
  t.is((await scrape(metrics.text())).get(answers), 3);
});

test('counters go on when another engine takes the place of the first', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(sealedChain(20));
  const { url } = await serve(t, chain);
  const metrics = createMetrics({ labels: { chain: 'ledger' } });
  for (let round = 0; round < 3; round++) {
    const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' } });
    metrics.watch(engine);
    await engine.start();
    await engine.close();
  }
  const values = await scrape(metrics.text());
  t.is(values.get('blockferry_synced_blocks_total chain=ledger'), 60);
  t.is(values.get('blockferry_phase chain=ledger phase=closed'), 1);
});

test('a server serves its metrics where it has some, and 404 where it has none', async (t) => {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  const { url } = await serve(t, chain);
  const page = await fetch(`${url}/metrics`);
  t.is(page.status, 200);
  t.is(page.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.is(page.headers.get('cache-control'), 'no-store');
  t.true(parseOpenMetrics(await page.text()).length > 5);
  const none = syncMiddleware({ source: chain });
  t.teardown(() => none.close());
  const other = await listen(t, express().use('/sync', none));
  t.is((await fetch(`${other}/sync/metrics`)).status, 404);
});
