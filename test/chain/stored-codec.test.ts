import test, { type ExecutionContext } from 'ava';
import { type Chain, createSyncEngine, openChain, type SyncEngineConfig } from '../../src/index.js';
import { blocksOn, bytesOf, serveChain } from '../engine/follow-support.js';

const memory = { use: 'memory' } as const;

/** A chain of two blocks, each with so many letters in it. */
async function chainOf(t: ExecutionContext, letters: number, storeCodec?: string): Promise<Chain> {
  const config = { storage: memory, chain: 'sealed-json' };
  const chain = await openChain(storeCodec === undefined ? config : { ...config, storeCodec });
  t.teardown(() => chain.close());
  await chain.append(blocksOn(null, 2, 'first', () => ({ text: 'x'.repeat(letters) })));
  return chain;
}

async function codecsIn(chain: Chain | null): Promise<readonly string[]> {
  const codecs: string[] = [];
  if (chain === null) return codecs;
  for await (const frames of chain.read({ from: 0, to: 10 }))
    codecs.push(...frames.map(({ codec }) => codec));
  return codecs;
}

/** Syncs a chain into memory, and gives the codec that was asked for and those of the blocks that were stored. */
async function synced(
  t: ExecutionContext,
  source: Chain,
  config: Partial<SyncEngineConfig> = {},
): Promise<{ readonly asked: string | null; readonly stored: readonly string[] }> {
  let asked: string | null = null;
  const { url } = await serveChain(t, source, ({ url: target = '' }) => {
    if (target.includes('/stream')) asked = new URL(target, 'http://a').searchParams.get('codec');
    return false;
  });
  const engine = createSyncEngine({ peers: [url], storage: memory, mode: 'stream', ...config });
  t.teardown(() => engine.close());
  await engine.start();
  t.deepEqual(await bytesOf(engine.chain), await bytesOf(source));
  return { asked, stored: await codecsIn(engine.chain) };
}

test('blocks of less than 2 KiB are stored as they are, longer ones in gzip', async (t) => {
  const small = await chainOf(t, 100);
  t.deepEqual(await codecsIn(small), ['identity', 'identity']);
  t.is(small.storedAs(), 'identity');
  const large = await chainOf(t, 3000);
  t.deepEqual(await codecsIn(large), ['gzip', 'gzip']);
  t.is(large.storedAs(), 'gzip');
  t.deepEqual(await codecsIn(await chainOf(t, 100, 'gzip')), ['gzip', 'gzip']);
});

test('a stream comes in the codec that the peer stores, and is stored as it came', async (t) => {
  const identity = { asked: 'identity', stored: ['identity', 'identity'] };
  t.deepEqual(await synced(t, await chainOf(t, 100)), identity);
  const gzip = { asked: 'gzip', stored: ['gzip', 'gzip'] };
  t.deepEqual(await synced(t, await chainOf(t, 3000)), gzip);
  t.deepEqual(await synced(t, await chainOf(t, 100, 'gzip'), { codecs: ['identity', 'gzip'] }), gzip);
});

test('a codec that the host does not take is not asked for, whatever the peer stores', async (t) => {
  const { asked, stored } = await synced(t, await chainOf(t, 100), { codecs: ['gzip'] });
  t.is(asked, 'gzip');
  t.deepEqual(stored, ['gzip', 'gzip']);
  const raw = await synced(t, await chainOf(t, 3000), { codecs: ['identity'] });
  t.deepEqual(raw, { asked: 'identity', stored: ['gzip', 'gzip'] });
});
