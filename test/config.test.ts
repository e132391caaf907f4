import test from 'ava';
import { sealedJson } from '../plugins/chain-sealed-json/index.js';
import { gzip } from '../plugins/codec-gzip/index.js';
import { zstd, zstdSupported } from '../plugins/codec-zstd/index.js';
import { memoryStorage } from '../plugins/storage-memory/index.js';
import { chainPlan } from '../src/config/chain-plan.js';
import { enginePlan } from '../src/config/engine-plan.js';
import { normalizePeer } from '../src/config/peers.js';
import type { ChainConfig, SyncEngineConfig } from '../src/config/types.js';
import { createSyncEngine, isSyncError, openChain } from '../src/index.js';
import { sealedChain } from './helpers/sealed-chain.js';

const storage = { use: 'memory' } as const;

test('an address without a path means the router at /sync; a path is taken as it is', (t) => {
  t.is(normalizePeer('http://127.0.0.1:8080').url, 'http://127.0.0.1:8080/sync');
  t.is(normalizePeer('http://127.0.0.1:8080/').url, 'http://127.0.0.1:8080/sync');
  t.is(normalizePeer('https://node.example/chain/a/').url, 'https://node.example/chain/a');
});

test('credentials in an address become the header they stand for', (t) => {
  const peer = normalizePeer('http://user:p%40ss@127.0.0.1/sync');
  t.is(peer.url, 'http://127.0.0.1/sync');
  t.deepEqual(peer.headers, { authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` });
});

test('headers of a peer have names in lower case, and win over credentials in its address', (t) => {
  const headers = { Authorization: 'Bearer x', 'X-Tenant': 'a' };
  const { settings } = enginePlan({ peers: [{ url: 'http://user:p@127.0.0.1', headers }], storage });
  t.deepEqual(settings.peers, [
    {
      url: 'http://127.0.0.1/sync',
      headers: { authorization: 'Bearer x', 'x-tenant': 'a' },
      rollbacks: 'proved',
    },
  ]);
});

test("a value that can't be meant is a TypeError that names it", (t) => {
  const bad = (config: object, message: RegExp): void => {
    t.throws(() => enginePlan({ peers: ['http://127.0.0.1'], storage, ...config }), {
      instanceOf: TypeError,
      message,
    });
  };
  bad({ peers: [] }, /peers/);
  bad({ peers: ['ftp://127.0.0.1'] }, /http or https/);
  bad({ peers: ['nonsense'] }, /nonsense/);
  bad({ peers: ['http://127.0.0.1/sync?x=1'] }, /query/);
  bad({ to: -1 }, /`to`/);
  bad({ base: 1.5 }, /`base`/);
  bad({ limits: { maxBlockBytes: 0 } }, /`limits.maxBlockBytes`/);
  bad({ limits: { maxBatchBlocks: Number.NaN } }, /`limits.maxBatchBlocks`/);
});

test('plugins are found wherever a configuration passes them', (t) => {
  const codec = { kind: 'codec', name: 'x', apiVersion: 1, create: () => null as never } as const;
  const rules = { kind: 'chain', name: 'r', apiVersion: 1, create: () => null as never } as const;
  const found = enginePlan({
    peers: ['http://127.0.0.1'],
    storage,
    codecs: ['gzip', codec],
    chain: rules,
  }).plugins;
  t.deepEqual(
    found.map(({ name }) => name),
    ['r', 'x'],
  );
});

test('a plugin for another version of the contracts is refused, and so are two of one name', (t) => {
  const codec = { kind: 'codec', name: 'x', apiVersion: 1, create: () => null as never } as const;
  const peers = ['http://127.0.0.1'];
  t.throws(() => createSyncEngine({ peers, storage, plugins: [codec, codec] }), {
    code: 'PLUGIN_INCOMPATIBLE',
  });
  const old = { ...codec, apiVersion: 2 as 1 };
  t.throws(() => createSyncEngine({ peers, storage, plugins: [old] }), { code: 'PLUGIN_INCOMPATIBLE' });
});

const KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const peers = ['http://127.0.0.1:9'];

test('what contradicts each other is refused with both names', (t) => {
  const bad = (config: object, message: string): void => {
    const make = (): unknown => createSyncEngine({ peers, storage, ...config });
    t.is(t.throws(make, { instanceOf: TypeError }).message, `createSyncEngine: ${message}`);
  };
  bad(
    { mode: 'snapshot' },
    '`trust` is missing: the mode `snapshot` needs it, for whose snapshots are taken.',
  );
  bad({ base: 6, to: 5 }, '`to` must not be below `base`, which is 6; it is 5.');
  bad({ agree: 2 }, '`agree` must be an integer from 1 to 1, the number of peers, not 2.');
  bad(
    { peers: ['http://127.0.0.1:9', 'http://127.0.0.1:9/sync'] },
    '`peers[1]` is the same as `peers[0]`: http://127.0.0.1:9/sync.',
  );
  bad({ trust: { signers: [] } }, '`trust` needs `signers` or a `hash`.');
  bad(
    { stateTransition: () => undefined },
    '`stateTransition` must be an object with a method `apply`, not a function; write {apply: …} around it.',
  );
});

test('no message has credentials or the value of a header in it', (t) => {
  const secret = 'pa55';
  const wrong = [
    `http://user:${secret}@a?x`,
    `ftp://user:${secret}@a`,
    { url: 'http://a', headers: { authorization: `${secret}\n` } },
  ];
  for (const peer of wrong) {
    const error = t.throws(() => createSyncEngine({ peers: [peer], storage }), { instanceOf: TypeError });
    t.false(error.message.includes(secret), error.message);
  }
});

test('a name that no plugin has is told at the call, with those there are', (t) => {
  const bad = (config: object, message: RegExp): void => {
    t.throws(() => createSyncEngine({ peers, storage, ...config }), { code: 'PLUGIN_UNKNOWN', message });
  };
  bad({ storage: { use: 'rocksdb', location: 'x' } }, /`storage.use` .*"rocksdb".*leveldb, postgres, memory/);
  bad({ storage: { use: 'level', location: 'x' } }, /did you mean leveldb\?/);
  bad({ codecs: ['gzip', 'gizp'] }, /`codecs\[1\]` .*"gizp".*zstd, gzip, identity, bzip2/);
  bad({ codecs: ['gzi'] }, /did you mean gzip\?/);
  bad({ storeCodec: 'brotli' }, /`storeCodec` .*"brotli"/);
  bad(
    { chain: 'dogecoin' },
    /`chain` .*"dogecoin".*sealed-json, ethereum, .*cometbft, .*linked:HEIGHT,HASH,PARENT/,
  );
});

test('names of plugins that are passed are known', (t) => {
  const codec = { ...gzip(), name: 'x' };
  const rules = { ...sealedJson(), name: 'r' };
  const store = { ...memoryStorage(), name: 'm' };
  const plan = enginePlan({
    peers,
    storage: { use: 'm' } as never,
    codecs: ['x', 'gzip'],
    storeCodec: 'x',
    chain: 'r',
    plugins: [codec, rules, store],
  });
  t.is(plan.storage, store);
  t.deepEqual(plan.acceptCodecs, ['x', 'gzip']);
  t.is(plan.settings.chain, 'r');
});

test('a codec that this runtime lacks is told at the call, by name or as a plugin', (t) => {
  const outcomes = [['zstd'], [zstd()]].map((codecs) => {
    try {
      return enginePlan({ peers, storage, codecs }).acceptCodecs;
    } catch (error) {
      return isSyncError(error, 'CODEC_UNAVAILABLE');
    }
  });
  t.deepEqual(outcomes, zstdSupported() ? [['zstd'], ['zstd']] : [true, true]);
});

test('keys are checked by the scheme that is passed, and as those of secp256k1 where none is', (t) => {
  const scheme = {
    id: 'odd',
    isPublicKey: (text: string) => text === 'odd',
    verify: () => Promise.resolve(true),
  };
  const odd = { kind: 'signature', name: 'odd', apiVersion: 1, create: () => scheme } as const;
  const make = (signers: string[], plugins: (typeof odd)[]): unknown =>
    enginePlan({ peers, storage, trust: { signers }, plugins }).settings.trust?.signers;
  t.deepEqual(make([KEY], []), [KEY]);
  t.deepEqual(make(['odd'], [odd]), ['odd']);
  t.throws(() => make(['odd'], []), { message: /`trust.signers\[0\]`.*secp256k1/ });
  t.throws(() => make([KEY], [odd]), { message: /`trust.signers\[0\]`.*odd/ });
});

/** Counts the reads of an object's members, and of those of the objects in it. */
function counted(value: object, count: () => void): object {
  return new Proxy(value, {
    get(target, name) {
      count();
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'object' && member !== null ? counted(member, count) : member;
    },
  });
}

const full = {
  peers: [{ url: peers[0] ?? '', headers: { 'x-tenant': 'a' } }],
  storage,
  chain: 'sealed-json',
  codecs: ['gzip', 'identity'],
  finality: { depth: 3 },
  trust: { signers: [KEY] },
  snapshot: { type: 'full', directory: null },
  retry: { maxAttempts: 1 },
  limits: { maxBlockBytes: 1000, connectTimeoutMs: 1000 },
} as const;

test('the configuration of an engine is not read after the call', async (t) => {
  let reads = 0;
  const engine = createSyncEngine(counted(full, () => reads++) as SyncEngineConfig);
  const atTheCall = reads;
  t.true(atTheCall > 20);
  await t.throwsAsync(engine.start(), { code: 'PEER_UNREACHABLE' });
  await engine.close();
  t.is(reads, atTheCall);
});

test('the configuration of a chain is not read after the call', async (t) => {
  let reads = 0;
  const { chain: rules, codecs, finality, limits } = full;
  const config = { storage, chain: rules, codecs, finality, limits: { maxBlockBytes: limits.maxBlockBytes } };
  const opening = openChain(counted(config, () => reads++) as ChainConfig);
  const atTheCall = reads;
  t.true(atTheCall > 5);
  const chain = await opening;
  const refs = await chain.append(sealedChain(5));
  await chain.rollback(refs[3] ?? null);
  await chain.close();
  t.is(reads, atTheCall);
});

test('a plan is frozen throughout; what was passed is neither frozen nor looked at again', (t) => {
  const config = structuredClone(full) as { limits: { connectTimeoutMs: number } } & SyncEngineConfig;
  const plan = enginePlan(config);
  const thawed = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    (!Object.isFrozen(value) || Object.values(value).some((member) => thawed(member)));
  t.false(thawed(plan));
  t.false(thawed(enginePlan({ peers, storage })));
  t.false(thawed(chainPlan({ storage })));
  const members: readonly object[] = Object.values(config).filter((member) => typeof member === 'object');
  for (const member of [config, ...members]) t.false(Object.isFrozen(member));
  config.limits.connectTimeoutMs = -1;
  t.is(plan.transportLimits.connectTimeoutMs, 1000);
});

test('what is appended and rolled back to has to be what it says, and nothing changes otherwise', async (t) => {
  const chain = await openChain({ storage });
  t.teardown(() => chain.close());
  const refs = await chain.append(sealedChain(3));
  const bad = async (call: Promise<unknown>, message: RegExp): Promise<void> => {
    await t.throwsAsync(call, { instanceOf: TypeError, message });
  };
  const documents = sealedChain(4);
  await bad(chain.append('x' as never), /`documents` must be an array/);
  await bad(chain.append(documents[3] as never), /`documents` must be an array/);
  await bad(chain.append(['{"a":1}'] as never), /`documents\[0\]` must be the bytes/);
  await bad(chain.append([documents[3], { a: 1 }] as never), /`documents\[1\]` must be the bytes/);
  for (const to of [3, 'x', [], {}, { height: 0 }, { height: '0', hash: 'x' }, refs, undefined])
    await bad(chain.rollback(to as never), /^rollback: `to/);
  t.deepEqual(chain.tip().head, refs[2] ?? null);
  await chain.rollback({ ...refs[0], more: true } as never);
  t.is(chain.tip().head?.height, 0);
});

test('what `start` and `run` are given has to be what it says', async (t) => {
  const engine = createSyncEngine({ peers, storage });
  t.teardown(() => engine.close());
  const bad = async (call: Promise<unknown>, message: RegExp): Promise<void> => {
    await t.throwsAsync(call, { instanceOf: TypeError, message });
  };
  const handler = (): void => undefined;
  await bad(engine.run(undefined as never), /^run: `handler` is missing/);
  await bad(engine.run(handler, { consumr: 'x' } as never), /did you mean `consumer`/);
  await bad(engine.run(handler, { consumer: 'blockferry:x' }), /`consumer` must not begin/);
  await bad(engine.run(handler, { onRollback: 'x' } as never), /`onRollback` must be a function/);
  await bad(engine.start({ signal: new AbortController() } as never), /^start: `signal`/);
  t.is(engine.state.phase, 'idle');
});

test('options that the rules do not take are a TypeError of the start, and not a failure of the engine', async (t) => {
  const engine = createSyncEngine({ peers, storage, chain: 'evm-bft', chainOptions: { validator: [] } });
  const opened = t.throwsAsync(engine.opened(), { instanceOf: TypeError });
  await t.throwsAsync(engine.start(), { instanceOf: TypeError, message: /`validator`.+`validators`/ });
  await opened;
  t.is(engine.state.phase, 'failed');
  await engine.close();
  const opening = openChain({ storage, chain: 'evm-bft', chainOptions: { validator: [] } });
  await t.throwsAsync(opening, { instanceOf: TypeError, message: /`validator`.+`validators`/ });
});
