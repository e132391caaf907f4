import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { type Block, type BlockRef, type Chain, createSyncEngine, openChain } from '../../src/index.js';
import { Consumer, type ConsumerSettings } from '../../src/chain/consumer/consumer.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, fork, refAt, serveChain, sourceChain } from './follow-support.js';

/** A host's own copy, kept by a handler; throws when it is told something that does not fit. */
class Copy {
  readonly hashes: string[] = [];
  readonly told: (readonly [to: number, dropped: readonly number[]])[] = [];
  onChange = (): void => undefined;
  /** Between two blocks. */
  pause: () => Promise<void> = () => Promise.resolve();

  readonly handler = async (block: Block): Promise<void> => {
    await this.pause();
    if (block.height !== this.hashes.length)
      throw new Error(`block ${block.height} at ${this.hashes.length}`);
    if (block.height > 0 && block.previousHash !== this.hashes.at(-1)) throw new Error('another parent');
    this.hashes.push(block.hash);
    this.onChange();
  };

  readonly onRollback = (dropped: readonly BlockRef[], to: BlockRef): void => {
    this.told.push([to.height, dropped.map(({ height }) => height)]);
    for (const { height, hash } of dropped) {
      if (this.hashes.length - 1 !== height || this.hashes.pop() !== hash)
        throw new Error(`${height} dropped`);
    }
    if (this.hashes.at(-1) !== to.hash) throw new Error(`rolled back to ${to.height}`);
    this.onChange();
  };

  settings(name: string): ConsumerSettings {
    return { name, handler: this.handler, onRollback: this.onRollback };
  }

  /** Resolves when the copy ends with a chain's head. */
  reaches(chain: Chain): Promise<void> {
    return new Promise((resolve) => {
      this.onChange = () => {
        if (this.hashes.at(-1) === chain.tip().head?.hash) resolve();
      };
      this.onChange();
    });
  }
}

test('a handler is told of the blocks that it has had and that are gone, and then gets those in their place', async (t) => {
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const engine = createSyncEngine({ storage: { use: 'memory' }, peers: [url], follow: true });
  const copy = new Copy();
  const run = engine.run(copy.handler, { onRollback: copy.onRollback });
  await copy.reaches(source);
  await fork(source, 12, 10, 'second');
  await copy.reaches(source);
  t.deepEqual(copy.told, [[12, [19, 18, 17, 16, 15, 14, 13]]]);
  await engine.close();
  await t.notThrowsAsync(run);
});

test('a handler without `onRollback` ends with FORKED when blocks that it has had are gone', async (t) => {
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const engine = createSyncEngine({ storage: { use: 'memory' }, peers: [url], follow: true });
  t.teardown(() => engine.close());
  const copy = new Copy();
  const run = engine.run(copy.handler);
  await copy.reaches(source);
  await fork(source, 12, 10, 'second');
  await t.throwsAsync(run, { code: 'FORKED' });
});

test('a handler that is slow is led through forks that come while it works', async (t) => {
  const moves = fc.array(fc.record({ depth: fc.nat(9), more: fc.nat(9), waitMs: fc.nat(6) }), {
    minLength: 3,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(moves, async (steps) => {
      const chain = await sourceChain(t, 10);
      const copy = new Copy();
      copy.pause = () => sleep(1);
      const stop = new AbortController();
      const consumer = new Consumer(chain, copy.settings('slow'));
      const run = consumer.run(stop.signal);
      const failed = run.catch((error: unknown) => error);
      for (const [round, { depth, more, waitMs }] of steps.entries()) {
        await sleep(waitMs);
        await fork(chain, Math.max(0, (chain.tip().head?.height ?? 0) - depth), more, `branch ${round}`);
      }
      const end = await Promise.race([copy.reaches(chain), failed]);
      t.is(end, undefined);
      consumer.end();
      await run;
      t.deepEqual(await chain.cursor('slow'), chain.tip().head);
    }),
    { numRuns: 12 },
  );
});

test('what was dropped is told in the next run when this one ended before it could be', async (t) => {
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const chain = await openChain({ storage });
  await chain.append(blocksOn(null, 10, 'first'));
  const copy = new Copy();
  const stop = new AbortController();
  const told = (): never => {
    throw new Error('the process ends here');
  };
  const run = new Consumer(chain, { name: 'default', handler: copy.handler, onRollback: told }).run(
    stop.signal,
  );
  run.catch(() => undefined);
  await copy.reaches(chain);
  await chain.rollback(await refAt(chain, 7));
  await chain.append(blocksOn(chain.tip().head, 1, 'second'));
  await t.throwsAsync(run, { code: 'HANDLER_FAILED' });
  await chain.close();
  copy.onChange = () => undefined;
  const again = await openChain({ storage });
  t.teardown(() => again.close());
  await again.append(blocksOn(again.tip().head, 5, 'second'));
  const next = new Consumer(again, copy.settings('default'));
  next.end();
  await next.run(stop.signal);
  t.deepEqual(copy.told, [[7, [9, 8]]]);
  t.is(copy.hashes.at(-1), again.tip().head?.hash);
});

test('a rollback that nobody noted for a consumer ends its run with FORKED', async (t) => {
  const chain = await sourceChain(t, 10);
  const copy = new Copy();
  const { signal } = new AbortController();
  const first = new Consumer(chain, copy.settings('default'));
  first.end();
  await first.run(signal);
  await fork(chain, 5, 10, 'second');
  const second = new Consumer(chain, copy.settings('default'));
  second.end();
  await t.throwsAsync(second.run(signal), { code: 'FORKED' });
  t.deepEqual(copy.told, []);
});

test('two forks while one block is handled are told together, down to the lower one', async (t) => {
  const chain = await sourceChain(t, 10);
  const copy = new Copy();
  const { signal } = new AbortController();
  const consumer = new Consumer(chain, copy.settings('default'));
  copy.pause = async () => {
    if (copy.hashes.length !== 8) return;
    copy.pause = () => Promise.resolve();
    await fork(chain, 6, 5, 'second');
    await fork(chain, 4, 9, 'third');
    await fork(chain, 9, 3, 'fourth');
  };
  consumer.end();
  await consumer.run(signal);
  t.deepEqual(copy.told, [[4, [8, 7, 6, 5]]]);
  t.is(copy.hashes.at(-1), chain.tip().head?.hash);
});
