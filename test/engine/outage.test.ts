import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, type RetryOptions, type SyncEngine } from '../../src/index.js';
import { blockEvent, completeEvent, plainServer } from '../helpers/servers.js';
import { sealedChain } from '../helpers/sealed-chain.js';

const documents = sealedChain(20);
const FIRST = 5;
const quick = { baseDelayMs: 1, maxDelayMs: 4, quickForMs: 0 };

/** A server that sends a few blocks, then breaks off so many requests, then sends the rest. */
async function flaky(
  t: ExecutionContext,
  breaks: number,
): Promise<{ readonly url: string; readonly requests: () => number }> {
  let requests = 0;
  const origin = await plainServer(t, (from, response) => {
    requests += 1;
    const isFirst = requests === 1;
    if (!isFirst && requests <= breaks + 1) {
      response.destroy();
      return;
    }
    const to = isFirst ? FIRST : documents.length;
    for (const [index, document] of documents.slice(from, to).entries())
      response.write(blockEvent(from + index, document));
    // Later, so that the end does not overtake the blocks.
    if (isFirst) setTimeout(() => response.destroy(), 100);
    else response.end(completeEvent({ height: null, hash: null }));
  });
  return { url: `${origin}/sync`, requests: () => requests };
}

function engineOf(t: ExecutionContext, url: string, retry: Partial<RetryOptions>): SyncEngine {
  const engine = createSyncEngine({
    peers: [url],
    storage: { use: 'memory' },
    mode: 'stream',
    codecs: ['gzip'],
    retry: { ...quick, ...retry },
  });
  t.teardown(() => engine.close());
  return engine;
}

test('a sync whose peer has worked outlasts more failures than a peer that never worked gets', async (t) => {
  const { url, requests } = await flaky(t, 20);
  const engine = engineOf(t, url, {});
  await engine.start();
  t.is(engine.state.checkpoint?.head?.height, documents.length - 1);
  t.is(requests(), 22);
});

test('a sync gives up when its peer was away for too long, and keeps what it has', async (t) => {
  const { url, requests } = await flaky(t, Infinity);
  const engine = engineOf(t, url, { giveUpAfterMs: 200 });
  const startMs = performance.now();
  await t.throwsAsync(engine.start(), { code: 'PEER_UNREACHABLE' });
  t.true(performance.now() - startMs >= 200);
  t.true(requests() > 1, `${requests()} requests`);
  t.is(engine.state.checkpoint?.head?.height, FIRST - 1);
});

test('a host that says how often is not overruled by a time', async (t) => {
  const { url, requests } = await flaky(t, 20);
  await t.throwsAsync(engineOf(t, url, { maxAttempts: 3 }).start(), { code: 'PEER_UNREACHABLE' });
  // The first brought blocks, and then broke: that is the first failure.
  t.is(requests(), 3);
});

test('a peer that has never worked ends a sync after five failures', async (t) => {
  const engine = engineOf(t, 'http://127.0.0.1:1/sync', {});
  let failures = 0;
  engine.events.subscribe((event) => {
    if (event.type === 'peer' && event.status === 'lost') failures += 1;
  });
  await t.throwsAsync(engine.start(), { code: 'PEER_UNREACHABLE' });
  t.is(failures, 5);
});
