import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Chain, openChain } from '../../src/index.js';
import { blockEvent, completeEvent, listen } from '../helpers/servers.js';
import { linesOf, opsTransition } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, bytesOf, Follower, fork, refAt, serveChain, sourceChain } from './follow-support.js';

const ops = (height: number): object => ({
  ops: [
    { op: 'append', table: 'accounts', key: `k${height % 3}` },
    { op: 'copy', table: 'accounts', key: 'k1' },
    { op: 'put', table: 'contracts', key: `c${height % 5}`, value: height },
  ],
});

/** A node whose line is cut when it has all blocks of the source. */
async function nodeThatIsAway(
  t: ExecutionContext,
  blocks: number,
  config: object = {},
): Promise<{ source: Chain; line: Awaited<ReturnType<typeof serveChain>>; node: Follower }> {
  const source = await sourceChain(t, blocks);
  const line = await serveChain(t, source);
  const node = new Follower(t, { peers: [line.url], ...config });
  await node.until(() => node.engine.state.phase === 'synced');
  line.cut();
  await node.until(() => node.engine.state.phase === 'waiting');
  return { source, line, node };
}

test('a node that was away takes the branch of its source from the newest common block on, and drops no more', async (t) => {
  const steps = fc.record({ depth: fc.integer({ min: 1, max: 40 }), more: fc.nat(20) });
  await fc.assert(
    fc.asyncProperty(steps, async ({ depth, more }) => {
      const { source, line, node } = await nodeThatIsAway(t, 50);
      await fork(source, 49 - depth, depth + more, 'second');
      line.mend();
      await node.reaches(source);
      t.deepEqual(
        node.rollbacks.map(({ to, dropped }) => [to.height, dropped.length]),
        [[49 - depth, depth]],
      );
      t.is(node.view().length, 50 + more);
      t.true((await bytesOf(node.engine.chain)).equals(await bytesOf(source)));
      await node.engine.close();
    }),
    { numRuns: 12 },
  );
});

test('a new run over a forked source, without following, takes the branch as well', async (t) => {
  const location = tempDir(t);
  const source = await sourceChain(t, 30);
  const { url } = await serveChain(t, source);
  const config = { peers: [url], follow: false, storage: { use: 'leveldb', location } } as const;
  for (const mode of ['stream', 'json'] as const) {
    const first = new Follower(t, { ...config, mode });
    await first.started;
    await first.engine.close();
    await fork(source, 20, 15, mode);
    const second = new Follower(t, { ...config, mode });
    await second.started;
    t.true((await bytesOf(second.engine.chain)).equals(await bytesOf(source)), mode);
    t.is(second.rollbacks[0]?.to.height, 20);
    await second.engine.close();
  }
});

test('the state after forks is that of the blocks which are left', async (t) => {
  const source = await openChain({ storage: { use: 'memory' }, stateTransition: opsTransition });
  t.teardown(() => source.close());
  await source.append(blocksOn(null, 40, 'first', ops));
  const line = await serveChain(t, source);
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const node = new Follower(t, { peers: [line.url], storage, stateTransition: opsTransition });
  await node.until(() => node.engine.state.phase === 'synced');
  for (const [round, depth] of [7, 1, 25, 3].entries()) {
    if (round % 2 === 1) line.cut();
    const parent = await refAt(source, (source.tip().head?.height ?? 0) - depth);
    await source.rollback(parent);
    await source.append(blocksOn(parent, depth + 2, `branch ${round}`, (height) => ops(height + round)));
    line.mend();
    await node.reaches(source);
    const replayed = await openChain({ storage: { use: 'memory' }, stateTransition: opsTransition });
    for await (const frames of source.read({ from: 0, to: 10_000 }))
      await replayed.append(frames.map((frame) => source.decode(frame).bytes));
    const lines = await linesOf(replayed);
    t.true(lines.length > 5);
    t.deepEqual(await linesOf(node.engine.chain as Chain), lines);
    t.deepEqual(await linesOf(source), lines);
    await replayed.close();
  }
  t.is(node.rollbacks.length, 4);
});

test('a fork below the finalized block halts a follower and changes nothing, told live or after it was away', async (t) => {
  for (const isAway of [false, true]) {
    const { source, line, node } = await nodeThatIsAway(t, 40, { finality: { depth: 5 } });
    if (!isAway) {
      line.mend();
      await node.until(() => node.engine.state.phase === 'synced');
    }
    const before = await bytesOf(node.engine.chain);
    t.is(node.engine.chain?.tip().finalized?.height, 34);
    await fork(source, 33, 20, 'second');
    line.mend();
    await t.throwsAsync(node.started, { code: 'BELOW_FINALIZED', message: /block 34/ });
    t.is(node.engine.state.phase, 'failed');
    t.deepEqual(node.rollbacks, []);
    t.true(before.equals(await bytesOf(node.engine.chain)));
    await node.engine.close();
  }
});

test('a fork directly above the finalized block is taken', async (t) => {
  const { source, line, node } = await nodeThatIsAway(t, 40, { finality: { depth: 5 } });
  await fork(source, 34, 20, 'second');
  line.mend();
  await node.reaches(source);
  t.is(node.rollbacks[0]?.to.height, 34);
  t.is(node.engine.chain?.tip().finalized?.height, 49);
});

test('a shorter branch is not taken by a node that was away, until it is as long', async (t) => {
  const { source, line, node } = await nodeThatIsAway(t, 40);
  await fork(source, 30, 5, 'second');
  const before = await bytesOf(node.engine.chain);
  line.mend();
  await node.until(() => node.events.some(({ type }) => type === 'rollback-held'));
  t.deepEqual(node.rollbacks, []);
  t.true(before.equals(await bytesOf(node.engine.chain)));
  await source.append(blocksOn(source.tip().head, 4, 'second'));
  await node.reaches(source);
  t.is(node.rollbacks[0]?.dropped.length, 9);
});

test('a chain that has no block in common with ours is FORKED', async (t) => {
  const location = tempDir(t);
  const storage = { use: 'leveldb', location } as const;
  const own = await openChain({ storage, chainId: 'same' });
  await own.append(blocksOn(null, 10, 'ours'));
  await own.close();
  const source = await openChain({ storage: { use: 'memory' }, chainId: 'same' });
  t.teardown(() => source.close());
  await source.append(blocksOn(null, 20, 'theirs'));
  const { url } = await serveChain(t, source);
  const node = new Follower(t, { peers: [url], storage });
  await t.throwsAsync(node.started, { code: 'FORKED' });
  t.is(node.engine.chain?.tip().head?.height, 9);
  t.deepEqual(node.rollbacks, []);
});

/** A peer that names a block of ours as an ancestor and sends what it likes above it. */
async function liar(t: ExecutionContext, chain: Chain, answer: (from: number) => string): Promise<string> {
  const ancestor = await refAt(chain, 5);
  return listen(t, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const from = Number(searchParams.get('from_height'));
    if (pathname !== '/sync/stream') response.writeHead(404).end();
    else if (from > 6) {
      response.writeHead(409, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code: 'FORKED', ancestors: [ancestor] }));
    } else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answer(from));
  });
}

test('nothing is dropped on the word of a peer that has no branch to show', async (t) => {
  const source = await sourceChain(t, 10);
  const branch = blocksOn(await refAt(source, 5), 6, 'liar');
  const damaged = Uint8Array.from(branch[0] as Uint8Array);
  damaged[damaged.length - 3] = 0x39;
  const event = (index: number): string => blockEvent(6 + index, branch[index] as Uint8Array);
  const answers = {
    nothing: completeEvent({ height: 20 }),
    damaged: blockEvent(6, damaged),
    short: event(0) + event(1) + completeEvent({ height: 7 }),
    cut: event(0) + event(1),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const storage = { use: 'leveldb', location: tempDir(t) } as const;
    const own = await openChain({ storage });
    await own.append(blocksOn(null, 10, 'first'));
    await own.close();
    const retry = { maxAttempts: 2, baseDelayMs: 1 };
    const node = new Follower(t, { peers: [await liar(t, source, () => answer)], storage, retry });
    await t.throwsAsync(node.started, undefined, name);
    t.deepEqual(node.rollbacks, [], name);
    t.true((await bytesOf(node.engine.chain)).equals(await bytesOf(source)), name);
    await node.engine.close();
  }
});

test('a live rollback to a block that the peer has not sent is PROTOCOL_VIOLATION', async (t) => {
  const source = await sourceChain(t, 10);
  const documents = blocksOn(null, 10, 'first');
  const rollback = { height: 5, hash: '0'.repeat(64) };
  const url = await listen(t, (request, response) => {
    if (!(request.url ?? '').startsWith('/sync/stream')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [height, document] of documents.entries()) response.write(blockEvent(height, document));
    response.write(completeEvent({ height: 9 }));
    response.write(`id: 5\nevent: rollback\ndata: ${JSON.stringify(rollback)}\n\n`);
  });
  const node = new Follower(t, { peers: [url], mode: 'stream' });
  await t.throwsAsync(node.started, { code: 'PROTOCOL_VIOLATION' });
  t.true((await bytesOf(node.engine.chain)).equals(await bytesOf(source)));
});

/** Too much for what lies between two sockets, so that forks come while blocks are being sent. */
const large = (): object => ({ noise: randomBytes(24_000).toString('base64') });

for (const follow of [true, false]) {
  test(`forks while a node that ${follow ? 'follows' : 'does not follow'} catches up lead it to the branch that is left`, async (t) => {
    const source = await sourceChain(t, 1);
    await source.append(blocksOn(source.tip().head, 300, 'first', large));
    const { url } = await serveChain(t, source);
    const retry = { baseDelayMs: 1 };
    const node = new Follower(t, {
      peers: [url],
      mode: 'stream',
      follow,
      retry,
      limits: { maxBatchBlocks: 8 },
      maxRollbackBlocks: 1_000,
    });
    for (const height of [50, 120]) {
      await node.until(() => (node.engine.chain?.tip().head?.height ?? 0) > height);
      await fork(source, height - 20, 250, `from ${height}`, large);
    }
    await (follow ? node.reaches(source) : node.started);
    t.true(node.rollbacks.length > 0);
    t.is(node.view().length, (source.tip().head?.height ?? -1) + 1);
    t.true((await bytesOf(node.engine.chain)).equals(await bytesOf(source)));
  });
}
