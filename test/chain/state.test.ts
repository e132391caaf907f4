import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import {
  type Chain,
  type CommitBatch,
  createSyncEngine,
  isSyncError,
  openChain,
  type StateTables,
  type StateTransition,
  type Storage,
  type StoragePlugin,
  SyncError,
  type SyncEvent,
} from '../../src/index.js';
import { frameOf } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import { linesOf, opsChain, opsTransition, replay, someOps } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';

const memory = { use: 'memory' } as const;
const retry = { maxAttempts: 5, baseDelayMs: 1 };
const blocks = someOps(300);
const documents = opsChain(blocks);

async function open(t: ExecutionContext, stateTransition: StateTransition | null): Promise<Chain> {
  const chain = await openChain({ storage: memory, stateTransition });
  t.teardown(() => chain.close());
  return chain;
}

async function served(t: ExecutionContext): Promise<string> {
  const chain = await open(t, null);
  await chain.append(documents);
  return serveSource(t, chain);
}

/** A store in memory with some members replaced. */
function altered(alter: (storage: Storage) => Partial<Storage>): StoragePlugin {
  return {
    ...memoryStorage(),
    name: 'altered',
    create() {
      const storage = memoryStorage().create();
      const own = alter(storage);
      return new Proxy(storage, {
        get(target, name) {
          const member: unknown = Reflect.get(name in own ? own : target, name);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
    },
  };
}

/** The transition of these tests, which fails at one height. */
function failingAt(height: number, cause: unknown): StateTransition {
  return {
    apply(block, state) {
      if (block.height !== height) return opsTransition.apply(block, state);
      state.accounts.put('half-done', true);
      throw cause;
    },
  };
}

test('blocks appended at once change the state in their order, each seeing what those before it changed', async (t) => {
  const chain = await open(t, opsTransition);
  await chain.append(documents.slice(0, 200));
  await chain.append(documents.slice(200));
  t.deepEqual(await linesOf(chain), replay(blocks));
});

for (const codec of ['gzip', 'identity']) {
  test(`a node that syncs over ${codec} comes to the state that the blocks lead to`, async (t) => {
    const engine = createSyncEngine({
      peers: [await served(t)],
      storage: memory,
      codecs: [codec],
      stateTransition: opsTransition,
    });
    t.teardown(() => engine.close());
    const heights: number[] = [];
    engine.events.subscribe((event) => {
      if (event.type === 'block') heights.push(event.header.height);
    });
    await engine.start();
    t.deepEqual(await linesOf(engine.chain as Chain), replay(blocks));
    t.deepEqual(heights, [...documents.keys()]);
  });
}

test('a transition sees each block as it was submitted', async (t) => {
  const seen: unknown[] = [];
  const chain = await open(t, {
    apply: (block) => {
      const { height, hash, previousHash, timestamp } = block;
      seen.push([
        { height, hash, previousHash, timestamp },
        Buffer.from(block.bytes).toString(),
        block.text(),
        block.json(),
      ]);
    },
  });
  const plain = sealedChain(2);
  await chain.append(plain);
  const wanted = plain.map((document) => {
    const text = Buffer.from(document).toString();
    return [frameOf(document).header, text, text, JSON.parse(text) as unknown];
  });
  t.deepEqual(seen, wanted);
});

test('a transition that throws stops the engine at its block: those before are stored, told of and nothing else is', async (t) => {
  const cause = new RangeError('no such account');
  const engine = createSyncEngine({
    peers: [await served(t)],
    storage: memory,
    retry,
    stateTransition: failingAt(150, cause),
  });
  t.teardown(() => engine.close());
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  const error = await t.throwsAsync(engine.start());
  if (!isSyncError(error, 'STATE_FAILED')) throw error;
  t.is(error.message, 'The state transition failed at block 150: no such account');
  t.deepEqual([error.context.height, error.context.peer, error.cause], [150, undefined, cause]);
  const chain = engine.chain as Chain;
  t.is(chain.tip().head?.height, 149);
  t.deepEqual(await linesOf(chain), replay(blocks.slice(0, 150)));
  t.like(engine.state, { phase: 'failed', progress: { height: 149, blocks: 150 } });
  t.is(engine.state.error, error);
  const heights = events.flatMap((event) => (event.type === 'block' ? [event.header.height] : []));
  t.deepEqual(heights, [...documents.keys()].slice(0, 150));
  t.deepEqual(
    events.flatMap((event) => (event.type === 'peer' ? [event.status] : [])),
    ['connecting', 'connected'],
  );
});

test('a store whose transition failed goes on with one that does not', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  const url = await served(t);
  for (const stateTransition of [failingAt(77, new Error('once')), opsTransition]) {
    const engine = createSyncEngine({ peers: [url], storage, retry, stateTransition });
    t.teardown(() => engine.close());
    await engine.start().catch((error: unknown) => {
      t.true(isSyncError(error, 'STATE_FAILED'));
    });
    const { chain } = engine;
    const height = chain?.tip().head?.height ?? -1;
    t.deepEqual(await linesOf(chain as Chain), replay(blocks.slice(0, height + 1)));
    t.is(height, stateTransition === opsTransition ? 299 : 76);
    await engine.close();
  }
});

test('`append` stores all of its documents or none, also when the transition fails at the last one', async (t) => {
  const chain = await open(t, failingAt(9, 'no error object'));
  await chain.append(documents.slice(0, 5));
  const error = await t.throwsAsync(chain.append(documents.slice(5, 10)), { code: 'STATE_FAILED' });
  t.is(error.message, 'The state transition failed at block 9: no error object');
  t.is(chain.tip().head?.height, 4);
  t.deepEqual(await linesOf(chain), replay(blocks.slice(0, 5)));
  await chain.append(documents.slice(5, 9));
  t.deepEqual(await linesOf(chain), replay(blocks.slice(0, 9)));
});

test("a transition's error is STATE_FAILED, also one that would blame the peer", async (t) => {
  const lie = new SyncError('HASH_MISMATCH', 'not mine');
  const engine = createSyncEngine({
    peers: [await served(t)],
    storage: memory,
    retry,
    stateTransition: failingAt(0, lie),
  });
  t.teardown(() => engine.close());
  const error = await t.throwsAsync(engine.start(), { code: 'STATE_FAILED' });
  t.is(error.cause, lie);
  t.is(engine.chain?.tip().head, null);
});

test('a block is stored with the last change of each key, in the order in which the keys were first changed', async (t) => {
  const batches: CommitBatch[] = [];
  const storage = altered((inner) => ({
    commit: (batch) => {
      batches.push(batch);
      return inner.commit(batch);
    },
  }));
  const transition: StateTransition = {
    async apply(block, { accounts, contracts }) {
      contracts.put('c', 'first');
      accounts.put('a', 1);
      contracts.put('c', 'last');
      accounts.delete('a');
      accounts.delete('never set');
      t.is(await accounts.get('a'), null);
      t.is(await contracts.get('c'), 'last');
      t.is(await contracts.get('of block'), block.height === 0 ? null : block.height - 1);
      contracts.put('of block', block.height);
    },
  };
  const chain = await openChain({ storage, stateTransition: transition });
  t.teardown(() => chain.close());
  await chain.append(documents.slice(0, 3));
  t.is(batches.length, 1);
  for (const [height, { changes }] of (batches[0] as CommitBatch).blocks.entries()) {
    t.deepEqual(
      changes.map(({ table, key, value }) => [
        table,
        key,
        value === null ? null : Buffer.from(value).toString(),
      ]),
      [
        ['contracts', 'c', '"last"'],
        ['accounts', 'a', null],
        ['accounts', 'never set', null],
        ['contracts', 'of block', `${height}`],
      ],
    );
  }
});

test('the state is of no use once the block is done with, whichever way that was', async (t) => {
  const kept: StateTables[] = [];
  const chain = await open(t, {
    apply: async (block, state) => {
      kept.push(state);
      await Promise.resolve();
      if (block.height === 1) throw new Error('stop');
    },
  });
  await chain.append(documents.slice(0, 1));
  await t.throwsAsync(chain.append(documents.slice(1, 2)), { code: 'STATE_FAILED' });
  t.is(kept.length, 2);
  for (const { accounts, contracts } of kept) {
    const late = { instanceOf: TypeError, message: /used after the block/ };
    t.throws(() => {
      accounts.put('a', 1);
    }, late);
    t.throws(() => {
      contracts.putBytes('a', Buffer.from('1'));
    }, late);
    t.throws(() => {
      accounts.delete('a');
    }, late);
    await t.throwsAsync(accounts.get('a'), late);
    await t.throwsAsync(contracts.getBytes('a'), late);
  }
  t.deepEqual(await linesOf(chain), []);
});

test('a read of the state that fails is the failure, even when the transition hides it', async (t) => {
  const broken = new SyncError('STORE_IO', 'The disk is gone.');
  const storage = altered((inner) => ({
    getState: (table, key) => (key === 'unreadable' ? Promise.reject(broken) : inner.getState(table, key)),
  }));
  for (const hides of [true, false]) {
    const chain = await openChain({
      storage,
      stateTransition: {
        apply: async ({ height }, { accounts }) => {
          accounts.put('height', height);
          if (height !== 2) return;
          const read = accounts.get('unreadable');
          await (hides ? read.catch(() => null) : read);
        },
      },
    });
    t.teardown(() => chain.close());
    t.is(await t.throwsAsync(chain.append(documents.slice(0, 4))), broken);
    t.is(chain.tip().head, null);
    await chain.append(documents.slice(0, 2));
    t.is(await chain.getState('accounts', 'height'), 1);
  }
});

test('stopping an engine does not wait for the transition of every block that is here', async (t) => {
  const storage = levelStorage({ location: join(tempDir(t), 'store') });
  let stop = (): void => undefined;
  const engine = createSyncEngine({
    peers: [await served(t)],
    storage,
    stateTransition: {
      async apply(block, state) {
        // Leaves time for all blocks to come in.
        if (block.height === 0) await new Promise((resolve) => setTimeout(resolve, 300));
        if (block.height === 70) stop();
        await opsTransition.apply(block, state);
      },
    },
  });
  const closed = new Promise<void>((resolve, reject) => {
    stop = () => {
      engine.close().then(resolve, reject);
    };
  });
  await t.throwsAsync(engine.start(), { code: 'ABORTED' });
  await closed;
  const chain = await openChain({ storage });
  t.teardown(() => chain.close());
  const height = chain.tip().head?.height ?? -1;
  t.true(height >= 70 && height < 299, `${height}`);
  t.deepEqual(await linesOf(chain), replay(blocks.slice(0, height + 1)));
});

test('a table is read as of one moment, in the order of the keys, and the reader may leave early', async (t) => {
  let open = 0;
  const storage = altered((inner) => ({
    view: async () => {
      const view = await inner.view();
      open += 1;
      return { ...view, close: () => ((open -= 1), view.close()) };
    },
  }));
  const chain = await openChain({
    storage,
    stateTransition: {
      apply: ({ height }, { contracts }) => {
        for (const key of ['b', '\u{1f600}', 'a', '\uff21']) contracts.put(key, height);
      },
    },
  });
  t.teardown(() => chain.close());
  await chain.append(documents.slice(0, 1));
  const read: unknown[] = [];
  for await (const entry of chain.stateEntries('contracts')) {
    read.push(entry);
    if (read.length === 1) await chain.append(documents.slice(1, 2));
  }
  t.deepEqual(read, [
    ['a', 0],
    ['b', 0],
    ['\uff21', 0],
    ['\u{1f600}', 0],
  ]);
  t.is(await chain.getState('contracts', 'a'), 1);
  for await (const entry of chain.stateEntries('contracts')) {
    t.deepEqual(entry, ['a', 1]);
    break;
  }
  t.is(open, 0);
  const { signal } = { signal: AbortSignal.abort() };
  await t.throwsAsync(chain.stateEntries('contracts', { signal }).next(), { code: 'ABORTED' });
  t.is(open, 0);
});

test('blocks that were stored without a transition are refused by one, before anything is asked for or written', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  const plain = await openChain({ storage });
  await plain.append(documents.slice(0, 3));
  await plain.close();
  const message = /blocks up to 2 were added without a state transition/;
  await t.throwsAsync(openChain({ storage, stateTransition: opsTransition }), {
    code: 'STATE_FAILED',
    message,
  });
  const engine = createSyncEngine({
    peers: [await served(t)],
    storage,
    retry,
    stateTransition: opsTransition,
  });
  const statuses: string[] = [];
  engine.events.subscribe((event) => {
    if (event.type === 'peer') statuses.push(event.status);
  });
  await t.throwsAsync(engine.start(), { code: 'STATE_FAILED', message });
  t.deepEqual(statuses, []);
  await engine.close();
  const again = await openChain({ storage });
  await again.append(documents.slice(3, 4));
  await again.close();
});

test('a store with a state can be read without its transition but not added to, and is the same afterwards', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  const url = await served(t);
  const first = await openChain({ storage, stateTransition: opsTransition });
  await first.append(documents.slice(0, 40));
  await first.close();
  const reader = await openChain({ storage });
  t.deepEqual(await linesOf(reader), replay(blocks.slice(0, 40)));
  await t.throwsAsync(reader.append(documents.slice(40, 41)), {
    code: 'STATE_FAILED',
    message: /kept by a state/,
  });
  await reader.close();
  const without = createSyncEngine({ peers: [url], storage, retry });
  await t.throwsAsync(without.start(), { code: 'STATE_FAILED' });
  await without.close();
  const engine = createSyncEngine({ peers: [url], storage, stateTransition: opsTransition });
  t.teardown(() => engine.close());
  await engine.start();
  t.deepEqual(await linesOf(engine.chain as Chain), replay(blocks));
});

test('a transition that has changed nothing so far is taken again by its store', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'store') } as const;
  for (const document of documents.slice(0, 3)) {
    const chain = await openChain({ storage, stateTransition: { apply: () => undefined } });
    await chain.append([document]);
    await chain.close();
  }
  const chain = await openChain({ storage });
  t.is(chain.tip().head?.height, 2);
  await chain.close();
});

test('something else than a transition is refused before anything is opened', (t) => {
  const stateTransition = { apply: 'later' } as unknown as StateTransition;
  t.throws(() => createSyncEngine({ peers: ['http://a'], storage: memory, stateTransition }), {
    instanceOf: TypeError,
    message: /stateTransition/,
  });
});
