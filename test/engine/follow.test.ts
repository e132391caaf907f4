import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { filter, firstValueFrom } from 'rxjs';
import { type Chain, createSyncEngine } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { answerBy, listen } from '../helpers/servers.js';
import { blocksOn, bytesOf, fork, Follower, refAt, serveChain, sourceChain } from './follow-support.js';

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
      const follower = new Follower(t, { peers: [url], maxRollbackBlocks: 1_000 });
      await follower.until(() => follower.engine.state.phase === 'synced');
      const height = (): number => source.tip().head?.height ?? 0;
      let highest = height();
      for (const [round, { depth, more, wait }] of steps.entries()) {
        await fork(source, Math.max(0, height() - depth), more, `branch ${round}`);
        // What is shorter than a branch that may have been seen does not take its place.
        if (wait && height() >= highest) await follower.reaches(source);
        highest = Math.max(highest, height());
      }
      // A head that no block before it had: on the way to another one, a node may pass the head that it comes back to.
      await source.append(blocksOn(source.tip().head, highest - height() + 1, 'last'));
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

test('a signal ends following like `close` does, and what is durable stays', async (t) => {
  const source = await sourceChain(t, 10);
  const { url } = await serveChain(t, source);
  const engine = createSyncEngine({ storage: { use: 'memory' }, peers: [url], follow: true });
  t.teardown(() => engine.close());
  const stop = new AbortController();
  const synced = firstValueFrom(engine.states.pipe(filter(({ phase }) => phase === 'synced')));
  const run = engine.start({ signal: stop.signal });
  await synced;
  stop.abort();
  await t.notThrowsAsync(run);
  t.is(engine.chain?.tip().head?.height, 9);
  t.is(engine.state.error, null);
});

test('when the stream fails, ranges catch up and hand over to the stream', async (t) => {
  const source = await sourceChain(t, 30);
  let ranges = 0;
  const { url } = await serveChain(t, source, ({ url: path = '' }) => {
    ranges += path.startsWith('/sync/json') ? 1 : 0;
    return path.startsWith('/sync/stream') && ranges === 0;
  });
  const follower = new Follower(t, { peers: [url] });
  await follower.until(() => follower.phases.filter((phase) => phase === 'synced').length === 2);
  await source.append(blocksOn(source.tip().head, 5, 'more'));
  await follower.reaches(source);
  t.is(follower.view().length, 35);
  const origins = follower.events.flatMap((event) => (event.type === 'block' ? [event.origin] : []));
  t.deepEqual([origins[0], origins.at(-1)], ['json', 'stream']);
});

test('a peer that says it has no stream is followed by long poll', async (t) => {
  const source = await sourceChain(t, 30);
  const url = await servedWithout(t, source, (status) => ({
    ...status,
    codecs: { ...status.codecs, stream: [] },
  }));
  const follower = new Follower(t, { peers: [url], limits: { streamRetryMs: 20 } });
  await follower.reaches(source);
  await source.append(blocksOn(await refAt(source, 29), 5, 'more'));
  await follower.reaches(source);
  t.is(follower.view().length, 35);
  await follower.engine.close();
});

test('a peer whose stream is missing for now is followed by long poll until it is there again', async (t) => {
  const source = await sourceChain(t, 30);
  let isThere = false;
  const url = await servedWithout(
    t,
    source,
    (status) => status,
    () => isThere,
  );
  const follower = new Follower(t, { peers: [url], limits: { streamRetryMs: 50 } });
  await follower.reaches(source);
  await source.append(blocksOn(await refAt(source, 29), 5, 'more'));
  await follower.reaches(source);
  t.is(follower.engine.state.mode, 'json');
  isThere = true;
  await follower.until(() => follower.engine.state.mode === 'stream');
  await source.append(blocksOn(await refAt(source, 34), 5, 'more'));
  await follower.reaches(source);
  t.is(follower.view().length, 40);
  await follower.engine.close();
});

interface StatusDocument {
  readonly codecs: { readonly stream: readonly string[] };
}

/** A server whose stream is not there, or only later, and which says of itself what it is given. */
async function servedWithout(
  t: ExecutionContext,
  source: Chain,
  alter: (status: StatusDocument) => StatusDocument,
  hasStream: () => boolean = () => false,
): Promise<string> {
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const handle = nodeListener(server, { path: '/sync' });
  const inner = await listen(t, handle);
  return listen(t, (request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/sync/stream') && !hasStream()) response.writeHead(404).end();
    else if (url !== '/sync/status') handle(request, response);
    else
      answerBy(
        response,
        fetch(inner + url)
          .then((answer) => answer.json() as Promise<StatusDocument>)
          .then((status) => response.end(JSON.stringify(alter(status)))),
      );
  });
}
