import test from 'ava';
import { gzip } from '../plugins/codec-gzip/index.js';
import { ethereum } from '../plugins/chain-ethereum/index.js';
import { memoryStorage } from '../plugins/storage-memory/index.js';
import { jsonRangeEndpoint } from '../plugins/transport-json-range/index.js';
import { sseTransport } from '../plugins/transport-sse/index.js';
import { BROWSER_OPTIONS, browserPlan } from '../src/config/browser-plan.js';
import type { BrowserEngineConfig } from '../src/config/browser-types.js';
import { CHAIN_OPTIONS, chainPlan } from '../src/config/chain-plan.js';
import { ENGINE_OPTIONS } from '../src/config/engine-plan.js';
import type { ChainConfig, SyncEngineConfig } from '../src/config/types.js';
import { createSyncEngine } from '../src/index.js';
import { optionPaths, type OptionTable, tryTable } from './helpers/option-table.js';

const KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const HASH = 'a'.repeat(64);
const ED25519_KEY = '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c';
const MAX = Number.MAX_SAFE_INTEGER;
const LONGEST_TIMER = 2 ** 31 - 1;

const ignore = (): void => undefined;
const NO_TEXTS = ['', 1, true, {}, [], ignore];
const NO_NUMBERS = ['1', true, Number.NaN, Infinity, {}, 1n];
const NO_OBJECTS = ['x', 1, true, [], Promise.resolve({}), null];

const row = (takes: readonly unknown[], refuses: readonly unknown[]): OptionTable[string] => ({
  takes: [undefined, ...takes],
  refuses,
});
const required = (takes: readonly unknown[], refuses: readonly unknown[]): OptionTable[string] => ({
  takes,
  refuses: [undefined, ...refuses],
});
const integers = (min: number): OptionTable[string] =>
  row([min, MAX], [...NO_NUMBERS, null, min - 1, min + 0.5, MAX + 1]);
const times = row([1, 1.5, LONGEST_TIMER], [...NO_NUMBERS, null, 0, -5, LONGEST_TIMER + 1]);
const booleans = row([true, false], ['yes', 'true', 0, 1, null, {}]);

const STORE_ROWS: OptionTable = {
  storage: required(
    [
      { use: 'memory' },
      { use: 'leveldb', location: 'x' },
      { use: 'postgres', url: 'postgres://h/d', role: 'reader' },
      memoryStorage(),
    ],
    [
      ...NO_OBJECTS,
      {},
      'memory',
      { use: 'leveldb' },
      { use: 'leveldb', path: 'x' },
      { use: 'postgres' },
      { use: 'postgres', url: 'postgres://h/d', location: 'x' },
      { use: 'postgres', url: 'postgres://h/d', leaseMs: 1 },
      memoryStorage,
      gzip(),
    ],
  ),
  'storage.use': required(['leveldb'], ['', 1, null]),
  'storage.location': required(['x'], [...NO_TEXTS, null]),
  'storage.createIfMissing': booleans,
  chain: row(
    ['sealed-json', 'linked:a,b,c', ethereum(), null],
    ['', 1, ethereum, gzip(), 'linked', 'linked:a,b,a'],
  ),
  chainOptions: row([null], [1, 'x', [], {}]),
  chainId: row(['x', null], NO_TEXTS),
  checkpoints: row(
    [
      [],
      [
        { height: 0, hash: 'a' },
        { height: 1, hash: 'b' },
        { height: 0, hash: 'a' },
      ],
    ],
    [
      null,
      {},
      '0:a',
      [
        { height: 0, hash: 'a' },
        { height: 0, hash: 'b' },
      ],
    ],
  ),
  'checkpoints[]': required([{ height: 1, hash: 'x' }], [null, '1:x', { height: 1 }, { hash: 'x' }]),
  'checkpoints[].height': required([0, MAX], [...NO_NUMBERS, null, -1, 0.5]),
  'checkpoints[].hash': required(['x'], ['', 1, null]),
  producers: row(
    [
      [],
      [
        { from: 0, keys: [KEY] },
        { from: 1, keys: [KEY, ED25519_KEY] },
      ],
    ],
    [
      null,
      {},
      KEY,
      [KEY],
      [
        { from: 5, keys: [KEY] },
        { from: 5, keys: [KEY] },
      ],
      [
        { from: 5, keys: [KEY] },
        { from: 4, keys: [KEY] },
      ],
    ],
  ),
  'producers[]': required([{ from: 1, keys: [KEY] }], [null, KEY, { from: 1 }, { keys: [KEY] }]),
  'producers[].from': required([0, MAX], [...NO_NUMBERS, null, -1, 0.5]),
  'producers[].keys': required([[KEY]], [[], KEY, null, [KEY, KEY]]),
  'producers[].keys[]': required(
    [KEY, ED25519_KEY],
    ['', 'abc', 1, null, KEY.toUpperCase(), `0x${ED25519_KEY}`, '00'.repeat(32), 'ff'.repeat(32)],
  ),
  base: integers(0),
  codecs: row([['identity'], [gzip(), 'identity']], [[], 'gzip', null, ['gzip', 'gzip'], [gzip(), 'gzip']]),
  'codecs[]': required(['gzip', gzip()], ['', 1, null, gzip, memoryStorage(), Promise.resolve(gzip())]),
  storeCodec: row(['gzip', 'identity'], ['', 1, null, gzip()]),
  stateTransition: row([{ apply: ignore }, null], [ignore, {}, { apply: 1 }, 'x']),
  finality: row([{ depth: 0 }, ignore, null], [64, '64', {}, { dept: 1 }, []]),
  'finality.depth': required([0, 64], [...NO_NUMBERS, null, -1, 0.5]),
  plugins: row([[], [gzip(), sseTransport()]], [gzip(), 'gzip', null, {}]),
  'plugins[]': required([gzip(), sseTransport()], [gzip, 'gzip', {}, null, jsonRangeEndpoint()]),
  limits: row([{}], [...NO_OBJECTS, { maxBlock: 1 }, { MAXBLOCKBYTES: 1 }]),
  'limits.maxBlockBytes': integers(1),
};

const CHAIN_ROWS: OptionTable = {
  ...STORE_ROWS,
  produce: row([{}], [...NO_OBJECTS, { sign: null }]),
  'produce.signer': row([null, { publicKey: KEY, signBytes: () => Promise.resolve('') }], ['x', {}]),
  'produce.wrap': row([null, 'record'], [...NO_TEXTS]),
  'produce.maxWaitingBytes': integers(1),
};

const ENGINE_ROWS: OptionTable = {
  ...STORE_ROWS,
  peers: required(
    [['http://a'], ['http://a', 'https://a', { url: 'http://b' }]],
    [[], 'http://a', null, {}, ['http://a', 'http://a/sync'], ['http://a', { url: 'http://A:80/sync/' }]],
  ),
  'peers[]': required(
    ['http://a/b/', 'https://user:pass@a', { url: 'http://a' }],
    [
      '',
      'a:8080',
      'ftp://a',
      'http://a?x',
      'http://a#x',
      'http://%zz:@a',
      1,
      null,
      {},
      { uri: 'http://a' },
      new URL('http://a'),
    ],
  ),
  'peers[].url': required(['http://a'], ['', 'a', 1, null]),
  'peers[].headers': row(
    [{}, { authorization: 'Bearer é', 'X-Tenant': '' }, { authorization: () => 'Bearer x' }],
    [
      ...NO_OBJECTS,
      { 'x y': 'z' },
      { '': 'z' },
      { x: 'a\nb' },
      { x: '√' },
      { x: 1 },
      { x: undefined },
      { accept: 'a', Accept: 'b' },
    ],
  ),
  'peers[].rollbacks': row(['proved', 'trusted'], ['', 'Trusted', true, null]),
  mode: row(['auto', 'stream', 'json', 'snapshot'], ['fast', 'Stream', '', 1, null]),
  trust: row(
    [{ signers: [KEY] }, { hash: HASH }, null],
    ['x', KEY, [KEY], {}, { signers: [] }, { treshold: 1 }],
  ),
  'trust.signers': row([[KEY], []], [KEY, null, {}, [KEY, KEY]]),
  'trust.signers[]': required(
    [KEY],
    ['abc', KEY.toUpperCase(), `0x${KEY}`, `04${KEY.slice(2)}`, '', 1, null],
  ),
  'trust.threshold': row([1], [...NO_NUMBERS, null, 0, 2, 1.5]),
  'trust.hash': row([HASH, null], [HASH.toUpperCase(), HASH.slice(1), '', 1]),
  'trust.maxAgeMs': row([1, 2 ** 40, null], [...NO_NUMBERS, 0, -1]),
  snapshot: row([{}], [...NO_OBJECTS, { dir: 'x' }]),
  'snapshot.type': row(['recent', 'full'], ['latest', '', null, 1]),
  'snapshot.directory': row(['x', null], NO_TEXTS),
  'snapshot.minBlocks': integers(0),
  to: row([0, MAX, null], [...NO_NUMBERS, -1, 0.5, '10']),
  follow: booleans,
  agree: row([1, 2], [...NO_NUMBERS, null, 0, 3, 1.5]),
  staleAfterMs: row([1, 2 ** 40, null], [...NO_NUMBERS, 0, -1]),
  headCheckMs: times,
  confirmTimeoutMs: times,
  maxRollbackBlocks: integers(0),
  acceptRollback: row([{ height: 1, hash: 'x' }, null], [{ height: 1 }, { hash: 'x' }, 'x', 1, {}]),
  'acceptRollback.height': required([0, MAX], [...NO_NUMBERS, null, -1, 0.5]),
  'acceptRollback.hash': required(['x'], [...NO_TEXTS, null]),
  threads: row([0, 1, 64], [...NO_NUMBERS, null, -1, 1.5, 65]),
  tls: row([{}, null], ['x', [], { cert: 'x' }, { key: 'x' }, { ca: 'no PEM' }, { cacert: 'x' }]),
  'tls.ca': row([null], ['', [], 1, {}, [''], ['x', 1]]),
  'tls.cert': row([null], ['', 1, {}, [], 'x']),
  'tls.key': row([null], ['', 1, {}, [], 'x']),
  'tls.servername': row(['a.example', null], ['', 1, {}, []]),
  proxy: row(
    ['http://a:3128', 'https://user:pass@a', null],
    ['', 'a:3128', 'socks5://a', 'http://a/x', 'http://a?x', 1, {}, true],
  ),
  fetch: row([fetch, null], [{}, 'fetch', true, Promise.resolve(fetch)]),
  logger: row([console, null], ['x', 1, {}, { info: ignore }, ignore]),
  retry: row([{}], [...NO_OBJECTS, { maxAttempt: 3 }, { attempts: 3 }]),
  'retry.maxAttempts': row([1, MAX, Infinity], ['1', null, Number.NaN, 0, -1, 1.5, -Infinity]),
  'retry.giveUpAfterMs': row([1, 2 ** 40, null], [...NO_NUMBERS, 0, -1]),
  'retry.baseDelayMs': times,
  'retry.maxDelayMs': times,
  'retry.quickForMs': row([0, LONGEST_TIMER], [...NO_NUMBERS, null, -1, LONGEST_TIMER + 1]),
  'limits.maxBatchBlocks': integers(1),
  'limits.maxPendingBytes': integers(1),
  'limits.maxBranchBytes': integers(1),
  'limits.streamRetryMs': times,
  'limits.minBytesPerSecond': row([0, 0.5], [...NO_NUMBERS, null, -1]),
  'limits.connectTimeoutMs': times,
  'limits.firstByteTimeoutMs': times,
  'limits.idleTimeoutMs': times,
  'limits.muteTimeoutMs': times,
  'limits.progressTimeoutMs': times,
};

const store = {
  storage: { use: 'leveldb', location: 'x' },
  checkpoints: [{ height: 1, hash: 'x' }],
  producers: [{ from: 1, keys: [KEY] }],
  finality: { depth: 1 },
  limits: {},
};

/** Not all chain rules go with producers, so that a row about the rules is tried without. */
const together = (options: object): object => ('chain' in options ? { ...options, producers: [] } : options);

test('every option of an engine has values that it takes, and names what it refuses', async (t) => {
  await tryTable(t, {
    spec: ENGINE_OPTIONS,
    base: () => ({
      ...store,
      peers: [{ url: 'http://a' }, { url: 'http://b' }],
      acceptRollback: { height: 1, hash: 'x' },
      trust: { signers: [KEY], hash: HASH },
      snapshot: {},
      retry: {},
    }),
    call: (options) => createSyncEngine(together(options) as SyncEngineConfig).close(),
    rows: ENGINE_ROWS,
  });
});

test('every option of a chain has values that it takes, and names what it refuses', async (t) => {
  await tryTable(t, {
    spec: CHAIN_OPTIONS,
    base: () => ({ ...store, produce: {} }),
    call: (options) => chainPlan(together(options) as ChainConfig),
    rows: CHAIN_ROWS,
  });
});

/** What an engine in a browser has of its own; all else is as in other engines. */
const BROWSER_ROWS: OptionTable = {
  storage: row(
    [{ use: 'memory' }, { use: 'indexeddb', name: 'ledger' }, memoryStorage()],
    [
      ...NO_OBJECTS,
      {},
      { use: 'leveldb', location: 'x' },
      { use: 'indexeddb' },
      { use: 'indexeddb', name: '' },
      { use: 'memory', name: 'x' },
      gzip(),
    ],
  ),
  chain: row([null, 'sealed-json', ethereum()], [...NO_TEXTS, 'ethereum', gzip()]),
  mode: row(['auto', 'stream', 'json'], [...NO_TEXTS, null, 'snapshot', 'tiles']),
  // Those of Ed25519 would need one more package.
  producers: row([[], [{ from: 1, keys: [KEY] }]], ['x', {}, [{ from: 1, keys: [ED25519_KEY] }]]),
  'producers[].keys[]': required([KEY], ['', 'abc', 1, null, KEY.toUpperCase()]),
};

test('every option of an engine in a browser has values that it takes, and names what it refuses', async (t) => {
  const shared = optionPaths(BROWSER_OPTIONS).filter((path) => !(path in BROWSER_ROWS));
  await tryTable(t, {
    spec: BROWSER_OPTIONS,
    base: () => ({
      ...store,
      storage: { use: 'memory' },
      peers: [{ url: 'http://a' }, { url: 'http://b' }],
      acceptRollback: { height: 1, hash: 'x' },
      retry: {},
    }),
    call: (options) => browserPlan(together(options) as BrowserEngineConfig),
    rows: {
      ...BROWSER_ROWS,
      ...Object.fromEntries(shared.map((path) => [path, ENGINE_ROWS[path] ?? { takes: [], refuses: [] }])),
    },
  });
});
