import test from 'ava';
import { bzip2 } from '../../plugins/codec-bzip2/index.js';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { jsonRangeEndpoint } from '../../plugins/transport-json-range/index.js';
import { JSON_RANGE_ENDPOINT_OPTIONS } from '../../plugins/transport-json-range/server/endpoint.js';
import {
  openArchive,
  snapshotEndpoint,
  type SnapshotOrder,
  type SnapshotServerOptions,
} from '../../plugins/transport-snapshot/index.js';
import { ARCHIVE_OPTIONS, FILTER_OPTIONS } from '../../plugins/transport-snapshot/server/archive.js';
import { ORDER_OPTIONS } from '../../plugins/transport-snapshot/server/build.js';
import { SNAPSHOT_OPTIONS } from '../../plugins/transport-snapshot/server/options.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import { SSE_ENDPOINT_OPTIONS } from '../../plugins/transport-sse/server/endpoint.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { http2Fetch } from '../../src/http2-client/index.js';
import { HTTP2_FETCH_OPTIONS } from '../../src/http2-client/options.js';
import { createSyncEngine, openChain } from '../../src/index.js';
import { syncMiddleware, type SyncMiddlewareOptions } from '../../src/server/express.js';
import { MIDDLEWARE_OPTIONS } from '../../src/server/middleware-options.js';
import { createMetrics } from '../../src/metrics/index.js';
import { METRICS_OPTIONS } from '../../src/metrics/options.js';
import { CLOSE_HTTP2_OPTIONS } from '../../src/server/http2/options.js';
import { CLOSE_SERVER_OPTIONS } from '../../src/server/close-options.js';
import { closeHttp2Server, createHttp2CleartextServer, createHttp2Server } from '../../src/server/http2.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { NODE_LISTENER_OPTIONS } from '../../src/server/node.js';
import { SERVER_OPTIONS } from '../../src/server/plan.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { MemorySource } from '../helpers/memory-source.js';
import { type OptionTable, type OptionTrial, tryTable } from '../helpers/option-table.js';
import { tempDir } from '../helpers/temp-dir.js';
import { nodeSigner } from '../plugins/snapshot-server-support.js';

const ignore = (): void => undefined;
const promise = Promise.resolve({});
const source = new MemorySource();
const signer = nodeSigner();
const engine = createSyncEngine({ peers: ['http://127.0.0.1:1'], storage: { use: 'memory' } });

/** Neither a number nor what it should be. */
const NO_NUMBERS = ['1', null, true, Number.NaN, Infinity, {}];
const counts = (min: number): readonly unknown[] => [...NO_NUMBERS, min - 1, min + 0.5];
const row = (takes: readonly unknown[], refuses: readonly unknown[]): OptionTable[string] => ({
  takes,
  refuses,
});
const times = row([undefined, 1, 1.5, 2 ** 31 - 1], [...NO_NUMBERS, 0, 2 ** 31]);
const functions = row([undefined, ignore], [null, 'f', {}, promise]);
const tallies = row([undefined, 1, 2 ** 53 - 1], [...counts(1), 2 ** 53]);

/** The source without one of its members. */
const without = (member: keyof MemorySource): object =>
  new Proxy(source, {
    get: (target, name) => (name === member ? undefined : (Reflect.get(target, name, target) as unknown)),
  });

/** A source that says this of its tiles. */
const withTiles = (tiles: unknown): object => Object.assign(new MemorySource(), { tiles });

/** By what each option of snapshots is named, with what stands before it. */
function snapshotRows(prefix: string): OptionTable {
  const rows: OptionTable = {
    signer: row(
      [signer],
      [undefined, null, 'key', {}, { ...signer, publicKey: '' }, Promise.resolve(signer)],
    ),
    directory: row(['snapshots'], [undefined, null, '', 5, ['snapshots']]),
    types: row([undefined, ['full'], ['full', 'recent']], [null, [], 'full', ['full', 'full']]),
    'types[]': row(['recent', 'full'], ['all', 'Full', '', null, 1]),
    codecs: row([undefined, null, ['gzip'], ['identity', 'bzip2']], [[], 'gzip', ['gzip', 'gzip']]),
    'codecs[]': row(['gzip'], ['', null, 1, gzip, gzip()]),
    recentBlocks: tallies,
    every: row([undefined, null, 1, 10_000], ['1', 0, 1.5, Number.NaN, false]),
    isCatchingUp: functions,
    refreshAfterMs: row([undefined, null, 0, 1.5, 2 ** 40], ['1', -1, Number.NaN, Infinity, 2 ** 54]),
    keep: row([undefined, 2, 100], counts(2)),
    maxBytes: tallies,
    maxPartBytes: row([undefined, 1_000, 900_000], [...NO_NUMBERS, 999, 900_001, 5_000.5]),
    onEvent: functions,
  };
  return Object.fromEntries(Object.entries(rows).map(([name, values]) => [prefix + name, values]));
}

const SERVER_ROWS: OptionTable = {
  source: row(
    [source, withTiles(null), withTiles(undefined)],
    [
      withTiles({}),
      withTiles([]),
      withTiles({ at: ignore, list: ignore }),
      undefined,
      null,
      'chain',
      {},
      promise,
      openChain({ storage: { use: 'memory' } }),
      ...(['chain', 'chainId', 'tip', 'header', 'read', 'subscribe'] as const).map(without),
    ],
  ),
  plugins: row([undefined, [], [jsonRangeEndpoint(), bzip2()]], [null, gzip(), 'gzip', {}]),
  'plugins[]': row([gzip(), sseEndpoint()], [gzip, 'gzip', null, undefined, {}, memoryStorage(), promise]),
  snapshots: row([undefined, null], [true, './snapshots', [], {}, { keep: 2 }, promise]),
  ...snapshotRows('snapshots.'),
  cache: row([undefined, 'private', 'public', 'no-store'], [null, '', 'Public', true, {}]),
  readiness: row([undefined, null, {}, { engine }], [true, 5, [], { engine: {} }, { engine, blocks: 5 }]),
  'readiness.engine': row([undefined, null, engine], [{}, promise, { state: {} }, { state: {}, states: {} }]),
  'readiness.maxBehindBlocks': row([undefined, 0, 2 ** 53 - 1], counts(0)),
  'readiness.maxBehindMs': row([undefined, 0, 1.5, 2 ** 31 - 1], [...NO_NUMBERS, -1, 2 ** 31]),
  metrics: row([undefined, null, createMetrics()], [true, {}, createMetrics, 'on']),
  logger: row([undefined, null, console], [true, {}, { info: ignore }, 'x']),
  authorize: row([undefined, null, ignore], ['x', {}, promise]),
  challenge: row([undefined, 'Basic realm="a"'], [null, '', 'a\nb', 5]),
  audit: row([undefined, null, ignore], ['x', {}, promise]),
  limits: row([undefined, {}], [null, 5, [], { maxStream: 1 }, promise]),
  'limits.heartbeatMs': times,
  'limits.writeStallMs': times,
  'limits.maxStreamMs': times,
  'limits.streamLeaseMs': times,
  'limits.maxWaitMs': times,
  'limits.maxBlockBytes': tallies,
  'limits.maxRange': tallies,
  'limits.maxStreams': tallies,
  'limits.maxStreamsPerAddress': tallies,
  'limits.maxAnswersPerClient': tallies,
  onError: functions,
};

const TRIALS: Readonly<Record<string, (directory: string) => OptionTrial>> = {
  createSyncServer: (directory) => ({
    spec: SERVER_OPTIONS,
    base: () => ({ source, snapshots: { signer, directory }, readiness: { engine } }),
    call: (options) => createSyncServer(options as unknown as SyncMiddlewareOptions).close(),
    rows: SERVER_ROWS,
  }),
  syncMiddleware: (directory) => ({
    spec: MIDDLEWARE_OPTIONS,
    base: () => ({ source, snapshots: { signer, directory }, readiness: { engine } }),
    call: (options) => syncMiddleware(options as unknown as SyncMiddlewareOptions).close(),
    rows: { ...SERVER_ROWS, clientKey: functions },
  }),
  snapshotEndpoint: (directory) => ({
    spec: SNAPSHOT_OPTIONS,
    base: () => ({ signer, directory }),
    call: (options) => snapshotEndpoint(options as unknown as SnapshotServerOptions),
    rows: snapshotRows(''),
  }),
  sseEndpoint: () => ({
    spec: SSE_ENDPOINT_OPTIONS,
    base: () => ({}),
    call: sseEndpoint,
    rows: {
      recentBytes: row([undefined, 0, 1], counts(0)),
    },
  }),
  jsonRangeEndpoint: () => ({
    spec: JSON_RANGE_ENDPOINT_OPTIONS,
    base: () => ({}),
    call: jsonRangeEndpoint,
    rows: {
      encodings: row([undefined, null, [], ['gzip']], ['gzip', {}, ['gzip', 'gzip']]),
      'encodings[]': row(['gzip', 'mine'], ['', null, 5, gzip, gzip()]),
      frames: row([undefined, null, [], ['bzip2']], ['gzip', {}, ['gzip', 'gzip']]),
      'frames[]': row(['bzip2', 'mine'], ['', null, 5, bzip2, bzip2()]),
    },
  }),
  openArchive: (directory) => ({
    spec: ARCHIVE_OPTIONS,
    base: () => ({}),
    call: (options) => openArchive(directory, options),
    rows: { keep: row([undefined, 2], counts(2)), onEvent: functions },
  }),
  'the filter of an archive': (directory) => ({
    spec: FILTER_OPTIONS,
    base: () => ({}),
    call: async (options) => (await openArchive(directory)).list(options),
    rows: {
      chain: row([undefined, 'ethereum'], ['', 5, {}]),
      chainId: row([undefined, 'a'], ['', 5, {}]),
      type: row([undefined, 'full'], ['', 'all', 5]),
      codec: row([undefined, 'gzip'], ['', 5, gzip]),
    },
  }),
  'the order of a build': (directory) => ({
    spec: ORDER_OPTIONS,
    base: () => ({
      source,
      workers: inThreadWorkers(codecRegistry([gzip()])),
      signer,
      type: 'full',
      codec: 'gzip',
    }),
    // The source has no view, which is the first that a build looks for.
    call: async (options) => (await openArchive(directory)).build(options as unknown as SnapshotOrder),
    rows: {
      source: row([source], [undefined, null, {}, promise, without('header')]),
      workers: row([inThreadWorkers(codecRegistry([]))], [undefined, null, {}, promise]),
      signer: row([signer], [undefined, null, {}, Promise.resolve(signer)]),
      type: row(['full', 'recent'], [undefined, null, 'all']),
      codec: row(['gzip'], [undefined, null, '', gzip]),
      recentBlocks: tallies,
      maxPartBytes: row([undefined, 1_000], [...NO_NUMBERS, 999, 900_001]),
    },
  }),
  nodeListener: () => ({
    spec: NODE_LISTENER_OPTIONS,
    base: () => ({}),
    call: (options) => nodeListener(createSyncServer({ source }), options),
    rows: {
      path: row([undefined, '/', '/a/b', '/a/'], [null, '', 'sync', 5, '/sync?a', '/a#b']),
      clientKey: functions,
    },
  }),
  http2Fetch: () => ({
    spec: HTTP2_FETCH_OPTIONS,
    base: () => ({}),
    call: (options) => http2Fetch(options).close(),
    rows: {
      connect: row([undefined, {}, { settings: {} }], [null, 'h2', [], promise]),
      pingIntervalMs: times,
      idleTimeoutMs: times,
    },
  }),
  createMetrics: () => ({
    spec: METRICS_OPTIONS,
    base: () => ({}),
    call: createMetrics,
    rows: {
      labels: row([undefined, {}, { chain: 'a' }], [null, 'a', [], { 'a-b': 'c' }, { code: 'x' }, { a: 1 }]),
    },
  }),
  close: () => ({
    spec: CLOSE_SERVER_OPTIONS,
    base: () => ({}),
    call: (options) => createSyncServer({ source }).close(options),
    rows: { graceMs: row([undefined, 0, 5], [...NO_NUMBERS, -1, 2 ** 31]) },
  }),
  closeHttp2Server: () => ({
    spec: CLOSE_HTTP2_OPTIONS,
    base: () => ({}),
    call: (options) => closeHttp2Server(createHttp2CleartextServer(ignore), options),
    rows: { graceMs: row([undefined, 0, 5], [...NO_NUMBERS, -1, 2 ** 31]) },
  }),
};

for (const [name, trialIn] of Object.entries(TRIALS)) {
  test(`each option of ${name} takes what it should, and refuses the rest by its name`, async (t) => {
    await tryTable(t, trialIn(tempDir(t)));
  });
}

test('a name that is not an option is refused with the one that was probably meant', (t) => {
  const refused = (call: () => unknown, message: string): void => {
    t.is(t.throws(call, { instanceOf: TypeError }).message, message);
  };
  const directory = 'snapshots';
  const given = (options: object): SyncMiddlewareOptions => ({ source, ...options });
  refused(
    () => syncMiddleware(given({ limit: {} })),
    'syncMiddleware: `limit` is not an option; did you mean `limits`?',
  );
  refused(
    () => createSyncServer(given({ limits: { maxStream: 4 } })),
    'createSyncServer: `limits.maxStream` is not an option; did you mean `limits.maxStreams`?',
  );
  refused(
    () => syncMiddleware(given({ snapshots: { signer, directory, recent: 5 } })),
    'syncMiddleware: `snapshots.recent` is not an option; did you mean `snapshots.recentBlocks`?',
  );
  refused(
    () => syncMiddleware({ chain: source } as never),
    'syncMiddleware: `chain` is not an option; there are `source`, `plugins`, `snapshots`, `cache`, `readiness`, `metrics`, `logger`, `authorize`, `challenge`, `audit`, `limits`, `onError`, `clientKey`.',
  );
  refused(
    () => nodeListener(createSyncServer({ source }), { mount: '/sync' } as never),
    'nodeListener: `mount` is not an option; there are `path`, `clientKey`.',
  );
});

test('what is no configuration at all is told as such', (t) => {
  const told = (call: () => unknown, message: RegExp): void => {
    t.throws(call, { instanceOf: TypeError, message });
  };
  told(() => syncMiddleware(undefined as never), /^syncMiddleware: the argument is missing/);
  told(
    () => createSyncServer(promise as never),
    /^createSyncServer: the argument must .* a Promise \(is an `await` missing\?\)/,
  );
  told(
    () => syncMiddleware({ source: openChain({ storage: { use: 'memory' } }) } as never),
    /`source` must .*\(is an `await` missing\?/,
  );
  told(() => syncMiddleware({ source: without('tip') as never }), /`source` has no method `tip`/);
  told(
    () => syncMiddleware({ source, snapshots: { directory: 'x' } as never }),
    /`snapshots\.signer` is missing/,
  );
  told(() => syncMiddleware({ source, snapshots: { signer } as never }), /`snapshots\.directory` is missing/);
  told(() => nodeListener(syncMiddleware({ source }) as never), /^nodeListener: `server` must be/);
  told(() => createHttp2Server({} as never, {}), /^createHttp2Server: `handler` must be an Express app/);
  told(() => createHttp2Server(ignore, undefined as never), /^createHttp2Server: `options` is missing/);
});

/** What Node takes without looking at it, or looks at when the first client is there. */
const UNCHECKED: Readonly<
  Record<string, { readonly takes: readonly unknown[]; readonly refuses: readonly unknown[] }>
> = {
  allowHTTP1: row([undefined, true, false], [null, 'no', 0]),
  noDelay: row([true], ['x', 1]),
  origins: row([['https://a.example']], ['https://a.example', [5]]),
  maxSessionMemory: row([1, 10], ['10', 0, Infinity]),
  maxSettings: row([32], ['32', 0, 1.5]),
  paddingStrategy: row([0], ['none']),
  peerMaxConcurrentStreams: row([100], ['100', -1]),
  rejectUnauthorized: row([true], ['no', 0]),
  requestCert: row([false], ['false']),
  settings: row(
    [{}, { maxConcurrentStreams: 5, enablePush: false }],
    [null, 5, [], { maxConcurrentStreams: '5' }, { maxFrameSize: 1 }],
  ),
};

test('options of Node that it would take unseen are checked by the HTTP/2 servers, by their names', (t) => {
  for (const [name, { takes, refuses }] of Object.entries(UNCHECKED)) {
    for (const value of takes)
      t.notThrows(() => createHttp2Server(ignore, { [name]: value }).close(), `${name} ${String(value)}`);
    for (const value of refuses) {
      const message = new RegExp(`^createHttp2Server: \\\`options\\.${name}(\\[0\\])?\\\` `);
      t.throws(() => createHttp2Server(ignore, { [name]: value }), { instanceOf: TypeError, message });
    }
  }
  t.throws(() => createHttp2CleartextServer(ignore, { maxSettings: '5' as never }), {
    instanceOf: TypeError,
    message: /^createHttp2CleartextServer: `options\.maxSettings` must be an integer from 1/,
  });
  t.throws(() => http2Fetch({ connect: { rejectUnauthorized: 'no' as never } }), {
    instanceOf: TypeError,
    message: /^http2Fetch: `connect\.rejectUnauthorized` must be true or false/,
  });
});

test('a mistyped option of Node is refused, and one that a newer Node may have is passed on', (t) => {
  const mistyped: readonly (readonly [options: object, meant: string])[] = [
    [{ maxSesionMemory: 5 }, 'options.maxSessionMemory'],
    [{ allowHttp: true }, 'options.allowHTTP1'],
    [{ rejectUnauthorised: true }, 'options.rejectUnauthorized'],
    [{ settings: { maxConcurentStreams: 5 } }, 'options.settings.maxConcurrentStreams'],
  ];
  for (const [options, meant] of mistyped) {
    const { message } = t.throws(() => createHttp2Server(ignore, options), { instanceOf: TypeError });
    t.true(message.endsWith(`is not an option; did you mean \`${meant}\`?`), message);
  }
  t.notThrows(() => createHttp2Server(ignore, { certificateCompression: ['zlib'] } as object).close());
  t.notThrows(() =>
    createHttp2CleartextServer(ignore, { strictFieldWhitespaceValidation: true } as object).close(),
  );
});

test('a server that another module has made is not closed by this one', async (t) => {
  const { createServer } = await import('node:http2');
  const message = /^closeHttp2Server: `server` must be a server that this module has made/;
  await t.throwsAsync(closeHttp2Server(createServer()), { instanceOf: TypeError, message });
});
