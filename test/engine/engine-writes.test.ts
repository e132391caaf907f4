import test from 'ava';
import { createSyncEngine } from '../../src/index.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, bytesOf, serveChain, sourceChain } from './follow-support.js';

test('a chain that an engine follows into refuses blocks of its own, and the engine goes on', async (t) => {
  const source = await sourceChain(t, 5);
  const { url } = await serveChain(t, source);
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, follow: true });
  t.teardown(() => engine.close());
  const done = engine.start();
  const mine = await engine.opened();
  await until(() => mine.tip().head?.height === 4);
  await t.throwsAsync(mine.produce({ mine: 1 }), { code: 'ENGINE_WRITES', message: /engine/ });
  await t.throwsAsync(mine.append(blocksOn(mine.tip().head, 1, 'mine')), { code: 'ENGINE_WRITES' });
  await source.append(blocksOn(source.tip().head, 3, 'theirs'));
  await until(() => mine.tip().head?.height === 7);
  t.deepEqual(await bytesOf(mine), await bytesOf(source));
  await engine.close();
  await t.notThrowsAsync(done);
});

test('when the engine has ended, its chain takes blocks', async (t) => {
  const { url } = await serveChain(t, await sourceChain(t, 5));
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' } });
  t.teardown(() => engine.close());
  await engine.start();
  const mine = await engine.opened();
  t.is((await mine.produce({ mine: 1 })).height, 5);
});
