import test from 'ava';
import { enginePlan } from '../src/config/engine-plan.js';
import { normalizePeer } from '../src/config/peers.js';
import { createSyncEngine } from '../src/index.js';

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
