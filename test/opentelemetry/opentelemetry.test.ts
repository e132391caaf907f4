import { createNoopMeter, metrics as meters, SpanStatusCode, trace } from '@opentelemetry/api';
import express from 'express';
import test, { type ExecutionContext } from 'ava';
import { type Chain, createSyncEngine, openChain, type SyncEngine } from '../../src/index.js';
import { EventHub } from '../../src/engine/events/event-hub.js';
import { createMetrics } from '../../src/metrics/index.js';
import { observeMetrics, traceEngine } from '../../src/opentelemetry/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { blocksOn } from '../engine/follow-support.js';
import { parseOpenMetrics } from '../helpers/open-metrics.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';
import { type Collected, RecordedMeters, type RecordedSpan, RecordedTraces } from './recorded.js';

/** Hosts set these once, and so does this file: what is made below goes through the API's own globals. */
const recordedMeters = new RecordedMeters();
const recordedTraces = new RecordedTraces();
meters.setGlobalMeterProvider(recordedMeters);
trace.setGlobalTracerProvider(recordedTraces);

interface Served {
  readonly chain: Chain;
  readonly url: string;
  /** Cuts all connections; new ones are refused while it is down. */
  readonly outage: { down: boolean; cut(): void };
}

async function serve(t: ExecutionContext, blocks: number): Promise<Served> {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  await chain.append(sealedChain(blocks));
  const middleware = syncMiddleware({ source: chain });
  t.teardown(() => middleware.close());
  const app = express().use('/sync', middleware);
  const open = new Set<{ destroy(): unknown }>();
  const outage = {
    down: false,
    cut(): void {
      for (const response of open) response.destroy();
    },
  };
  const origin = await listen(t, (request, response) => {
    if (outage.down) {
      response.destroy();
      return;
    }
    open.add(response);
    response.once('close', () => open.delete(response));
    app(request, response);
  });
  return { chain, url: `${origin}/sync`, outage };
}

function follow(t: ExecutionContext, url: string): SyncEngine {
  const retry = { baseDelayMs: 1, maxDelayMs: 20 };
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, follow: true, retry });
  t.teardown(() => engine.close());
  return engine;
}

/** Every value by its name as in the text, with its labels. */
function flat(collected: readonly Collected[]): ReadonlyMap<string, number> {
  return new Map(
    collected.flatMap(({ name, points }) =>
      points.map(({ value, attributes }) => [`${name} ${JSON.stringify(attributes)}`, value] as const),
    ),
  );
}

test.serial(
  'instruments of the global meter have what the text has, with its labels and units',
  async (t) => {
    const { url } = await serve(t, 30);
    const metrics = createMetrics({ labels: { chain: 'ledger' } });
    const engine = follow(t, url);
    metrics.watch(engine);
    const stop = observeMetrics(metrics, meters.getMeter('my-node'));
    t.deepEqual(recordedMeters.asked, ['my-node']);
    t.is(flat(await recordedMeters.collect()).get('blockferry_phase {"chain":"ledger","phase":"idle"}'), 1);
    const started = engine.start();
    await until(() => engine.state.phase === 'synced');
    await engine.close();
    await started;
    // What was collected is good for a tenth of a second.
    await until(async () => (await metrics.text()).includes('phase="closed"'));

    const collected = await recordedMeters.collect();
    const values = flat(collected);
    for (const { samples } of parseOpenMetrics(await metrics.text()))
      for (const { name, labels, value } of samples)
        t.is(values.get(`${name.replace(/_total$/, '')} ${JSON.stringify(labels)}`), value, name);
    t.is(values.get('blockferry_height {"chain":"ledger","kind":"head"}'), 29);
    t.is(values.get('blockferry_synced_blocks {"chain":"ledger"}'), 30);
    const named = (name: string): Collected | undefined => collected.find((each) => each.name === name);
    t.like(named('blockferry_synced_blocks'), { kind: 'counter', unit: '{block}' });
    t.like(named('blockferry_commit_seconds_sum'), { kind: 'counter', unit: 's' });
    t.like(named('blockferry_commit_seconds_count'), { kind: 'counter' });
    t.like(named('blockferry_network_bytes'), { kind: 'counter', unit: 'By' });
    t.like(named('blockferry_queue_bytes'), { kind: 'gauge', unit: 'By' });
    t.like(named('blockferry_build_info'), { kind: 'gauge', description: 'The version of the package.' });
    t.regex(named('blockferry_lag_blocks')?.description ?? '', /^Blocks that are missing/);

    stop();
    t.is(flat(await recordedMeters.collect()).size, 0);
  },
);

test.serial('a host without an SDK has a meter that does nothing, and nothing fails', (t) => {
  const stop = observeMetrics(createMetrics(), createNoopMeter());
  t.notThrows(stop);
});

/** The span of a number, from which on nothing is looked at before it is there. */
function spanAt(t: ExecutionContext, index: number, ended: number): RecordedSpan {
  const span = recordedTraces.spans[index];
  if (span === undefined) throw new Error(`There is no span ${index}.`);
  t.is(span.ended, ended);
  return span;
}

const names = (span: RecordedSpan): readonly string[] => span.events.map(({ name }) => name);

test.serial(
  'a span goes from the start until the node is synced, and another one over an outage',
  async (t) => {
    const { chain, url, outage } = await serve(t, 30);
    const engine = follow(t, url);
    const first = recordedTraces.spans.length;
    traceEngine(engine, trace.getTracer('my-node'));
    t.is(recordedTraces.spans.length, first, 'nothing has begun');
    const started = engine.start();
    await until(() => engine.state.phase === 'synced');
    const catchUp = spanAt(t, first, 1);
    t.is(catchUp.name, 'blockferry.catch_up');
    t.like(catchUp.attributes, {
      'blockferry.height.end': 29,
      'blockferry.blocks': 30,
      'blockferry.phase': 'synced',
      'blockferry.mode': 'stream',
      'blockferry.peer': url,
    });
    t.is(catchUp.status, null);
    for (const name of ['blockferry.phase', 'blockferry.mode', 'blockferry.peer'])
      t.true(names(catchUp).includes(name), name);
    t.false(names(catchUp).includes('blockferry.block'), 'blocks are too many');

    await chain.append(blocksOn(chain.tip().head, 1, 'live'));
    await until(() => engine.state.checkpoint?.head?.height === 30);
    t.is(recordedTraces.spans.length, first + 1, 'a live block is no catching up');

    outage.down = true;
    outage.cut();
    await until(() => recordedTraces.spans.length === first + 2);
    await chain.append(blocksOn(chain.tip().head, 5, 'missed'));
    outage.down = false;
    await until(() => engine.state.checkpoint?.head?.height === 35 && engine.state.phase === 'synced');
    const missed = spanAt(t, first + 1, 1);
    t.like(missed.attributes, {
      'blockferry.height.start': 30,
      'blockferry.height.end': 35,
      'blockferry.blocks': 5,
    });
    const retry = missed.events.find(({ name }) => name === 'blockferry.retry');
    t.is(typeof retry?.attributes['error.type'], 'string');
    await engine.close();
    await started;
    t.is(recordedTraces.spans.length, first + 2);
  },
);

test.serial(
  'a span of an engine that has failed says of what, and one that is left alone ends',
  async (t) => {
    const { url } = await serve(t, 3);
    const first = recordedTraces.spans.length;
    const checkpoints = [{ height: 1, hash: 'ab'.repeat(32) }];
    const failing = createSyncEngine({ peers: [url], storage: { use: 'memory' }, checkpoints });
    t.teardown(() => failing.close());
    traceEngine(failing, trace.getTracer('my-node'));
    const error = await t.throwsAsync(failing.start());
    const failed = spanAt(t, first, 1);
    t.deepEqual(failed.status, { code: SpanStatusCode.ERROR, message: error.message });
    t.is(failed.attributes['error.type'], failing.state.error?.code);
    t.is(failed.attributes['blockferry.phase'], 'failed');

    const lost = await listen(t, (_request, response) => response.destroy());
    const waiting = follow(t, `${lost}/sync`);
    const stop = traceEngine(waiting, trace.getTracer('my-node'));
    waiting.start().catch(() => undefined);
    await until(() => recordedTraces.spans.length === first + 2);
    const open = spanAt(t, first + 1, 0);
    stop();
    t.is(open.ended, 1);
    stop();
    t.is(open.ended, 1);
  },
);

test.serial('an engine that stands by has no span, and one from when it takes over', (t) => {
  const hub = new EventHub(() => 0);
  const engine = {
    events: hub.events,
    get state() {
      return hub.state;
    },
  } as Pick<SyncEngine, 'events' | 'state'> as SyncEngine;
  const first = recordedTraces.spans.length;
  const stop = traceEngine(engine, trace.getTracer('my-node'));
  hub.phase.opening();
  hub.phase.standby();
  t.like(spanAt(t, first, 1).attributes, { 'blockferry.phase': 'standby' });
  hub.phase.connecting('http://a.example/sync');
  t.is(recordedTraces.spans.length, first + 2);
  spanAt(t, first + 1, 0);
  stop();
  spanAt(t, first + 1, 1);
});
