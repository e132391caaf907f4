import { join } from 'node:path';
import test from 'ava';
import { createSyncEngine, openChain, type SyncEngineConfig } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { serveChain, sourceChain } from './follow-support.js';

const NOBODY = ['http://127.0.0.1:1/sync'];
const memory = { use: 'memory' } as const;
const trust = { signers: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'] };

/** An engine that asks a peer which isn't there, again and again. */
function alone(config: Partial<SyncEngineConfig>): SyncEngineConfig {
  return { peers: NOBODY, storage: memory, follow: true, retry: { baseDelayMs: 20 }, ...config };
}

test('the chain of a store that holds blocks is open while no peer can be reached', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'node') } as const;
  const before = await openChain({ storage });
  await before.append(sealedChain(3));
  await before.close();
  const engine = createSyncEngine(alone({ storage, trust }));
  const run = engine.start();
  const chain = await engine.opened();
  t.true(chain === engine.chain);
  t.is(chain.tip().head?.height, 2);
  await engine.close();
  await t.throwsAsync(run, { code: 'ABORTED' });
});

test('an empty store is open without a peer when the configuration names the rules', async (t) => {
  const engine = createSyncEngine(alone({ chain: 'sealed-json' }));
  const run = engine.start();
  t.is((await engine.opened()).chain, 'sealed-json');
  await engine.close();
  await t.throwsAsync(run, { code: 'ABORTED' });
});

for (const [what, config] of [
  ['nobody says whose rules hold', {}],
  ['a snapshot may be taken', { chain: 'sealed-json', trust }],
] as const) {
  test(`an empty store waits for a peer while ${what}`, async (t) => {
    const engine = createSyncEngine(alone(config));
    const opened = engine.opened();
    const run = engine.start({ signal: AbortSignal.timeout(200) });
    await t.throwsAsync(opened, { code: 'ABORTED' });
    await t.throwsAsync(run, { code: 'ABORTED' });
    await engine.close();
  });
}

test('whoever waits for the chain hears why there will be none', async (t) => {
  const failing = createSyncEngine(alone({ follow: false, retry: { maxAttempts: 1 } }));
  const run = failing.start();
  await t.throwsAsync(failing.opened(), { code: 'PEER_UNREACHABLE' });
  await t.throwsAsync(run, { code: 'PEER_UNREACHABLE' });
  await failing.close();
  const unused = createSyncEngine(alone({}));
  const opened = unused.opened();
  await unused.close();
  await t.throwsAsync(opened, { code: 'ENGINE_CLOSED' });
});

test('the rules that a peer announces open an empty store', async (t) => {
  const { url } = await serveChain(t, await sourceChain(t, 5));
  const engine = createSyncEngine(alone({ peers: [url] }));
  const run = engine.start();
  t.is((await engine.opened()).chain, 'sealed-json');
  await engine.close();
  await run.catch(() => undefined);
});
