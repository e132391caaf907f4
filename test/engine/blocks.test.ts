import { once } from 'node:events';
import { Readable } from 'node:stream';
import test from 'ava';
import { type Block, createSyncEngine, isSyncError, type SyncEngine } from '../../src/index.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, refAt, serveChain, sourceChain } from './follow-support.js';

async function served(count: number, t: Parameters<typeof sourceChain>[0]): Promise<string> {
  return (await serveChain(t, await sourceChain(t, count))).url;
}

function engineOf(url: string, location: string | null = null, follow = false): SyncEngine {
  const storage = location === null ? ({ use: 'memory' } as const) : ({ use: 'leveldb', location } as const);
  return createSyncEngine({ peers: [url], storage, follow });
}

test('a loop over the blocks of an engine gets each one in order, and ends with the sync', async (t) => {
  await using engine = engineOf(await served(30, t));
  const heights: number[] = [];
  for await (const block of engine.blocks()) heights.push(block.height);
  t.deepEqual(
    heights,
    Array.from({ length: 30 }, (_, height) => height),
  );
  t.is(engine.state.phase, 'synced');
});

test('the block that a loop is left with comes again, and those before it do not', async (t) => {
  const url = await served(30, t);
  const location = tempDir(t);
  for (const leave of ['break', 'throw'] as const) {
    await using engine = engineOf(url, location);
    const first = leave === 'break' ? 0 : 12;
    let next = first;
    const loop = async (): Promise<void> => {
      for await (const block of engine.blocks()) {
        t.is(block.height, next);
        next += 1;
        if (next < first + 13) continue;
        if (leave === 'throw') throw new Error('The host fails.');
        break;
      }
    };
    if (leave === 'throw') await t.throwsAsync(loop(), { message: 'The host fails.' });
    else await loop();
  }
  await using engine = engineOf(url, location);
  for await (const block of engine.blocks()) {
    t.is(block.height, 24);
    break;
  }
});

test('a loop that follows gets what comes later, and ends when its signal fires, wherever it is', async (t) => {
  const source = await sourceChain(t, 5);
  const { url } = await serveChain(t, source);
  for (const isWaiting of [true, false]) {
    const from = source.tip().head?.height ?? 0;
    await using engine = engineOf(url, null, true);
    const stop = new AbortController();
    const heights: number[] = [];
    for await (const block of engine.blocks({ signal: stop.signal, after: await refAt(source, from - 1) })) {
      heights.push(block.height);
      if (heights.length === 1) await source.append(blocksOn(source.tip().head, 3, 'later'));
      if (heights.length < 4) continue;
      if (isWaiting)
        setImmediate(() => {
          stop.abort();
        });
      else stop.abort();
    }
    t.deepEqual(heights, [from, from + 1, from + 2, from + 3]);
  }
});

test('who leaves while the next block is waited for ends the sync, also by a stream that is made of it', async (t) => {
  const source = await sourceChain(t, 3);
  const { url } = await serveChain(t, source);
  const engine = engineOf(url, null, true);
  t.teardown(() => engine.close());
  const blocks = engine.blocks();
  for (const height of [0, 1, 2]) t.is((await blocks.next()).value?.height, height);
  const waiting = blocks.next();
  await blocks.return();
  t.deepEqual(await waiting, { done: true, value: undefined });
  t.is(engine.state.peer, null, 'the sync is over');

  const other = engineOf(url, null, true);
  t.teardown(() => other.close());
  const stream = Readable.from(other.blocks());
  const seen: number[] = [];
  stream.on('data', ({ height }: Block) => seen.push(height));
  await until(() => seen.length === 3);
  stream.destroy();
  await once(stream, 'close');
  t.is(other.state.peer, null);
});

test('a failure of the sync is thrown by the loop', async (t) => {
  await using engine = createSyncEngine({
    peers: ['http://127.0.0.1:1'],
    storage: { use: 'memory' },
    retry: { maxAttempts: 1 },
  });
  const error = await t.throwsAsync(async () => {
    for await (const block of engine.blocks()) t.fail(String(block.height));
  });
  t.true(isSyncError(error, 'PEER_UNREACHABLE'), String(error));
});

test('options that are none are refused at the call, and what was not asked for begins nothing', async (t) => {
  const engine = engineOf('http://127.0.0.1:1');
  t.throws(() => engine.blocks({ consumer: 'blockferry:x' }), { instanceOf: TypeError });
  t.throws(() => engine.blocks({ after: { height: -1, hash: 'x' } }), { instanceOf: TypeError });
  t.throws(() => engine.blocks({ after: 7 as never }), { instanceOf: TypeError });
  await engine.blocks().return();
  t.is(engine.state.phase, 'idle');
  await engine.close();
});

test('a host that keeps the position itself gets the blocks above it, and no position is saved', async (t) => {
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const location = tempDir(t);
  const handled = async (options: object): Promise<readonly number[]> => {
    const heights: number[] = [];
    await using engine = engineOf(url, location);
    await engine.run(({ height }) => {
      heights.push(height);
    }, options);
    return heights;
  };
  const all = Array.from({ length: 20 }, (_, height) => height);
  t.deepEqual(await handled({ after: await refAt(source, 16) }), [17, 18, 19]);
  t.deepEqual(await handled({ after: null }), all);
  t.deepEqual(await handled({ after: null }), all);
  t.deepEqual(await handled({}), all, 'nothing was saved');
  t.deepEqual(await handled({}), []);
  const error = await t.throwsAsync(handled({ after: { height: 5, hash: 'f'.repeat(64) } }));
  t.true(isSyncError(error, 'FORKED'), String(error));
});
