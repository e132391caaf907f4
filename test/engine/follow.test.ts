import test from 'ava';
import fc from 'fast-check';
import { createSyncEngine } from '../../src/index.js';
import { blocksOn, bytesOf, fork, Follower, serveChain, sourceChain } from './follow-support.js';

test('what is appended while a node catches up and afterwards comes exactly once, in order', async (t) => {
  const source = await sourceChain(t, 500);
  const { url } = await serveChain(t, source);
  const follower = new Follower(t, { peers: [url] });
  for (let round = 0; round < 60; round++) {
    await source.append(blocksOn(source.tip().head, (round % 7) + 1, 'more'));
    if (round === 30) await follower.until(() => follower.phases.includes('synced'));
  }
  await follower.reaches(source);
  t.is(follower.view().length, (source.tip().head?.height ?? -1) + 1);
  t.is(follower.events.filter(({ type }) => type === 'block').length, follower.view().length);
  t.true((await bytesOf(follower.engine.chain)).equals(await bytesOf(source)));
  t.deepEqual(follower.phases, ['opening', 'connecting', 'syncing', 'synced']);
});

test('a following engine resolves when it is closed, and rejects when it never was up to date', async (t) => {
  const source = await sourceChain(t, 10);
  const line = await serveChain(t, source);
  const follower = new Follower(t, { peers: [line.url] });
  await follower.until(() => follower.engine.state.phase === 'synced');
  await follower.engine.close();
  await t.notThrowsAsync(follower.started);
  line.cut();
  const late = new Follower(t, { peers: [line.url] });
  await late.until(() => late.engine.state.phase === 'waiting');
  await late.engine.close();
  await t.throwsAsync(late.started, { code: 'ABORTED' });
});

test('rollbacks of any depth reach a follower, newest block first, and leave it equal to its source', async (t) => {
  const moves = fc.array(
    fc.record({ depth: fc.nat(12), more: fc.integer({ min: 0, max: 15 }), wait: fc.boolean() }),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(moves, async (steps) => {
      const source = await sourceChain(t, 20);
      const { url } = await serveChain(t, source);
      const follower = new Follower(t, { peers: [url] });
      await follower.until(() => follower.engine.state.phase === 'synced');
      for (const [round, { depth, more, wait }] of steps.entries()) {
        const height = source.tip().head?.height ?? 0;
        await fork(source, Math.max(0, height - depth), more, `branch ${round}`);
        if (wait) await follower.reaches(source);
      }
      await follower.reaches(source);
      t.is(follower.view().at(-1)?.hash, source.tip().head?.hash);
      t.is(follower.view().length, (source.tip().head?.height ?? -1) + 1);
      t.true((await bytesOf(follower.engine.chain)).equals(await bytesOf(source)));
      await follower.engine.close();
    }),
    { numRuns: 15 },
  );
});

test('a line that is lost while following is taken up again, each time with a `retry`', async (t) => {
  const source = await sourceChain(t, 10);
  const line = await serveChain(t, source);
  const follower = new Follower(t, { peers: [line.url] });
  await follower.until(() => follower.engine.state.phase === 'synced');
  for (let round = 1; round <= 7; round++) {
    line.cut();
    await source.append(blocksOn(source.tip().head, 3, 'more'));
    const retries = (): number => follower.events.filter(({ type }) => type === 'retry').length;
    const before = retries();
    await follower.until(() => retries() >= before + 6);
    line.mend();
    await follower.reaches(source);
  }
  t.is(follower.view().length, 31);
  t.false(follower.phases.includes('failed'));
});

test('following needs the stream', (t) => {
  const config = { storage: { use: 'memory' }, peers: ['http://127.0.0.1:1'], follow: true } as const;
  t.throws(() => createSyncEngine({ ...config, mode: 'json' }), { instanceOf: TypeError, message: /stream/ });
});
