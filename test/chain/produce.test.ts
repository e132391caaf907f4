import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { RequestKeys } from '../../src/chain/produce/request-keys.js';
import type { StateChange, Storage, StoragePlugin } from '../../src/contracts/index.js';
import {
  type Block,
  type Chain,
  type ChainConfig,
  openChain,
  type ProducedBlock,
  SyncError,
} from '../../src/index.js';
import { producer } from '../helpers/producers.js';
import { tempDir } from '../helpers/temp-dir.js';

type Store = (t: ExecutionContext) => ChainConfig['storage'];

const STORES: Readonly<Record<string, Store>> = {
  memory: () => ({ use: 'memory' }),
  LevelDB: (t) => ({ use: 'leveldb', location: join(tempDir(t), 'node') }),
};
const memory = { use: 'memory' } as const;

async function opened(t: ExecutionContext, config: Partial<ChainConfig> = {}): Promise<Chain> {
  const chain = await openChain({ storage: memory, ...config });
  t.teardown(() => chain.close());
  return chain;
}

async function textAt(chain: Chain, height: number): Promise<string> {
  return (await chain.get(height))?.text() ?? '';
}

for (const [name, store] of Object.entries(STORES)) {
  test(`a thousand calls at once are all stored, once each and in their order: ${name}`, async (t) => {
    const chain = await opened(t, { storage: store(t) });
    const calls = Array.from({ length: 1000 }, (_, at) => chain.produce({ at, text: 'x'.repeat(1000) }));
    const blocks = await Promise.all(calls);
    t.deepEqual(
      blocks.map(({ height }) => height),
      blocks.map((_, at) => at),
    );
    t.is(chain.tip().head?.height, 999);
    for (const [at, { hash }] of blocks.entries()) {
      const block = await chain.get(at);
      t.is(block?.hash, hash);
      t.is((block?.json() as { at: number }).at, at);
    }
  });

  test(`what is asked again with its key is stored once, also by a chain that was opened again: ${name}`, async (t) => {
    const storage = store(t);
    let chain = await opened(t, { storage });
    const ask = (at: number): Promise<ProducedBlock> =>
      chain.produce({ at }, { idempotencyKey: `key ${at}` });
    const both = [
      ...Array.from({ length: 100 }, (_, at) => ask(at)),
      ...Array.from({ length: 100 }, (_, at) => ask(at)),
    ];
    const answers = await Promise.all(both);
    t.deepEqual(
      answers.map(({ height, isRepeat }) => [height, isRepeat]),
      answers.map((_, at) => [at % 100, at >= 100]),
    );
    if (name !== 'memory') {
      await chain.close();
      chain = await opened(t, { storage });
    }
    t.deepEqual(await ask(7), { height: 7, hash: answers[7]?.hash ?? '', isRepeat: true });
    t.is((await ask(100)).height, 100);
    t.is(chain.tip().head?.height, 100);
  });

  test(`a rollback forgets the keys of the blocks that it drops, and no others: ${name}`, async (t) => {
    const chain = await opened(t, { storage: store(t) });
    const ask = (at: number): Promise<ProducedBlock> =>
      chain.produce({ at }, { idempotencyKey: `key ${at}` });
    const blocks = [await ask(0), await ask(1), await ask(2)];
    await chain.rollback(blocks[1] ?? null);
    t.true((await ask(1)).isRepeat);
    t.false((await ask(2)).isRepeat);
    t.is(chain.tip().head?.height, 2);
  });
}

test('bytes and text are stored as they were given, and an object as JSON.stringify writes it', async (t) => {
  const chain = await opened(t);
  const bytes = Buffer.from(' { "value" : 1.0, "e":"\\u00e9é" } ');
  const waiting = chain.produce([bytes, '{"a":1e3,"a":2}', { b: [1] }]);
  // The caller may use its buffer again.
  bytes.fill(0x20);
  const [first] = await waiting;
  t.true((await textAt(chain, 0)).endsWith(', "value" : 1.0, "e":"\\u00e9é" }'));
  t.true((await textAt(chain, 1)).endsWith(',"a":1e3,"a":2}'));
  t.true((await textAt(chain, 2)).endsWith(',"b":[1]}'));
  t.is((await chain.header(1))?.previousHash, first?.hash);
  t.is((await chain.header(0))?.previousHash, SEALED_JSON_GENESIS);
});

test('a record with a member of a block goes in as the member `record`, and all do with `wrap`', async (t) => {
  const chain = await opened(t);
  await chain.produce('{"resourceType":"Media","height":480.0}');
  t.true((await textAt(chain, 0)).endsWith(',"record":{"resourceType":"Media","height":480.0}}'));
  const wrapping = await opened(t, { produce: { wrap: 'resource' } });
  await wrapping.produce('{"id":"1"}');
  t.true((await textAt(wrapping, 0)).endsWith(',"resource":{"id":"1"}}'));
});

test('of several calls the one that can not be stored is refused, and none of its records is there', async (t) => {
  const chain = await opened(t);
  const calls = [
    chain.produce({ call: 0 }),
    chain.produce([{ call: 1 }, '{"no":']),
    chain.produce('{"line":\n1}'),
    chain.produce([{ call: 3 }, { call: 3 }]),
  ];
  const outcomes = await Promise.allSettled(calls);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  await t.throwsAsync(calls[1] as Promise<unknown>, { code: 'BLOCK_MALFORMED' });
  await t.throwsAsync(calls[2] as Promise<unknown>, { code: 'BLOCK_MALFORMED', message: /line break/ });
  t.is(chain.tip().head?.height, 2);
});

test('a record that a state transition fails of is refused alone', async (t) => {
  const chain = await opened(t, {
    stateTransition: {
      apply: (block) => {
        if ((block.json() as { bad?: boolean }).bad === true) throw new Error('bad');
      },
    },
  });
  const outcomes = await Promise.allSettled([
    chain.produce({ a: 1 }, { idempotencyKey: 'a' }),
    chain.produce({ bad: true }, { idempotencyKey: 'b' }),
    chain.produce({ c: 1 }, { idempotencyKey: 'c' }),
  ]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.is(chain.tip().head?.height, 1);
  t.true((await chain.produce({ c: 1 }, { idempotencyKey: 'c' })).isRepeat);
});

test('what a signer failed of stays refused when another record of its batch makes the others go again', async (t) => {
  const key = await producer(t);
  let isDown = true;
  const signer = {
    publicKey: key.publicKey,
    signBytes: (bytes: Uint8Array) => {
      const failure = isDown ? Promise.reject(new Error('down')) : null;
      isDown = false;
      return failure ?? key.signBytes(bytes);
    },
  };
  const chain = await opened(t, {
    produce: { signer },
    stateTransition: {
      apply: (block) => {
        if ((block.json() as { bad?: boolean }).bad === true) throw new Error('bad');
      },
    },
  });
  const [first, bad, last] = await Promise.allSettled([
    chain.produce({ a: 1 }),
    chain.produce({ bad: true }),
    chain.produce({ c: 1 }),
  ]);
  t.deepEqual([first.status, bad.status, last.status], ['rejected', 'rejected', 'fulfilled']);
  t.is(chain.tip().head?.height, 0, 'its caller was told that nothing is stored');
  t.regex(await textAt(chain, 0), /"c":1/);
});

test('records that a state transition fails of do not make the keys be read again', async (t) => {
  const inner = memoryStorage().create();
  let readings = 0;
  const storage: Storage = new Proxy(inner, {
    get(target, name) {
      if (name === 'entries') readings += 1;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const plugin = { ...memoryStorage(), create: () => storage };
  const apply = (block: Block): void => {
    if ((block.json() as { bad?: boolean }).bad === true) throw new Error('bad');
  };
  const chain = await opened(t, { storage: plugin, stateTransition: { apply } });
  await chain.produce({ a: 1 }, { idempotencyKey: 'a' });
  const before = readings;
  for (const idempotencyKey of ['b', 'c', 'd']) {
    await t.throwsAsync(chain.produce({ bad: true }, { idempotencyKey }), { code: 'STATE_FAILED' });
    t.true((await chain.produce({ a: 1 }, { idempotencyKey: 'a' })).isRepeat);
    t.false((await chain.produce({ of: idempotencyKey }, { idempotencyKey })).isRepeat);
  }
  t.is(readings, before);
});

test('a key that comes with another number of records makes no block be read', async (t) => {
  const inner = memoryStorage().create();
  const read: number[] = [];
  const storage: Storage = new Proxy(inner, {
    get(target, name) {
      if (name === 'get')
        return (height: number) => {
          read.push(height);
          return target.get(height);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const chain = await opened(t, { storage: { ...memoryStorage(), create: () => storage } });
  const idempotencyKey = 'key';
  await chain.produce([{ a: 1 }, { a: 2 }, { a: 3 }], { idempotencyKey });
  read.length = 0;
  await t.throwsAsync(chain.produce({}, { idempotencyKey }), { code: 'KEY_REUSED' });
  t.deepEqual(read, []);
  await chain.produce([{ a: 1 }, { a: 2 }, { a: 3 }], { idempotencyKey });
  t.deepEqual(read, [0, 1, 2]);
});

test('a key that came with other records is refused', async (t) => {
  const chain = await opened(t);
  const idempotencyKey = 'key';
  await chain.produce([{ a: 1 }, { a: 2 }], { idempotencyKey });
  for (const other of [[{ a: 1 }], [{ a: 1 }, { a: 3 }], [{ a: 1 }, { a: 2 }, { a: 3 }]])
    await t.throwsAsync(chain.produce(other, { idempotencyKey }), { code: 'KEY_REUSED' });
  const [first, second] = await chain.produce([{ a: 1 }, { a: 2 }], { idempotencyKey });
  t.deepEqual([first?.height, second?.height, second?.isRepeat], [0, 1, true]);
  const twice = [
    chain.produce({ b: 1 }, { idempotencyKey: 'b' }),
    chain.produce({ b: 2 }, { idempotencyKey: 'b' }),
  ];
  await t.notThrowsAsync(twice[0] ?? Promise.reject(new Error()));
  await t.throwsAsync(twice[1] as Promise<unknown>, { code: 'KEY_REUSED' });
  t.is(chain.tip().head?.height, 2);
});

test('more than may wait is refused with PRODUCE_BUSY, and what waits is stored', async (t) => {
  const chain = await opened(t, { produce: { maxWaitingBytes: 4096 } });
  const record = { text: 'x'.repeat(1000) };
  const calls = Array.from({ length: 10 }, () => chain.produce(record));
  const outcomes = await Promise.allSettled(calls);
  const stored = outcomes.filter(({ status }) => status === 'fulfilled').length;
  t.true(stored >= 3 && stored < 10, `${stored} were stored`);
  t.is(chain.tip().head?.height, stored - 1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') t.is((outcome.reason as SyncError).code, 'PRODUCE_BUSY');
  // Room is made, and one that is larger than all may be is taken alone.
  t.is((await chain.produce({ text: 'x'.repeat(9000) })).height, stored);
});

test('a call that is called off while it waits is not stored', async (t) => {
  const chain = await opened(t);
  const abort = new AbortController();
  const calls = [chain.produce({ a: 1 }), chain.produce({ a: 2 }, { signal: abort.signal })];
  abort.abort();
  await t.throwsAsync(calls[1] as Promise<unknown>, { code: 'ABORTED' });
  t.is((await calls[0])?.height, 0);
  t.is(chain.tip().head?.height, 0);
});

test('closing the chain stores what was asked for before', async (t) => {
  const location = join(tempDir(t), 'node');
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  const calls = Array.from({ length: 20 }, (_, at) => chain.produce({ at }));
  await chain.close();
  await Promise.all(calls);
  await t.throwsAsync(chain.produce({}), { code: 'STORE_CLOSED' });
  t.is((await opened(t, { storage: { use: 'leveldb', location } })).tip().head?.height, 19);
});

test('blocks are signed where a signer is given, and the call names what is missing where one has to be', async (t) => {
  const signer = await producer(t);
  const producers = [{ from: 2, keys: [signer.publicKey] }];
  const unsigned = await opened(t, { producers });
  await unsigned.produce([{ a: 0 }, { a: 1 }]);
  await t.throwsAsync(unsigned.produce({ a: 2 }), { instanceOf: TypeError, message: /produce\.signer/ });
  const signed = await opened(t, { producers, produce: { signer } });
  const idempotencyKey = 'key';
  const records = [{ a: 0 }, { producer: 'x' }, { a: 2 }];
  await signed.produce(records, { idempotencyKey });
  t.true((await textAt(signed, 2)).includes(`"a":2,"producer":"${signer.publicKey}","signature":"`));
  t.true((await textAt(signed, 1)).includes('"record":{"producer":"x"},"producer":'));
  t.true((await signed.produce(records, { idempotencyKey }))[2]?.isRepeat);
});

test('what is no record is a TypeError, and so are rules that make no blocks', async (t) => {
  const chain = await opened(t);
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  for (const wrong of [
    1,
    null,
    undefined,
    [],
    [[]],
    [1],
    () => 1,
    'a\ud800',
    circular,
    { toJSON: () => undefined },
  ])
    await t.throwsAsync(chain.produce(wrong as object), { instanceOf: TypeError, message: /^produce: / });
  for (const idempotencyKey of ['', 'x'.repeat(256), 1, '\ud800'])
    await t.throwsAsync(chain.produce({}, { idempotencyKey } as object), { instanceOf: TypeError });
  const linked = await opened(t, { chain: 'linked:number,hash,parent' });
  await t.throwsAsync(linked.produce({}), { instanceOf: TypeError, message: /linked/ });
  t.is(chain.tip().head, null);
});

/** A store in memory that loses an answer: the write has happened, and nobody knows. */
function losing(inner: Storage, isLost: () => boolean): StoragePlugin {
  const storage: Storage = new Proxy(inner, {
    get(target, name) {
      if (name === 'commit')
        return async (batch: Parameters<Storage['commit']>[0]): Promise<void> => {
          await target.commit(batch);
          if (isLost()) throw new SyncError('STORE_UNAVAILABLE', 'The answer was lost.');
        };
      // It is opened again with what it has.
      if (name === 'close') return () => Promise.resolve();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { kind: 'storage', name: 'losing', apiVersion: memoryStorage().apiVersion, create: () => storage };
}

test('after an outage whose outcome was unknown the same key stores nothing twice', async (t) => {
  let isLost = true;
  const storage = losing(memoryStorage().create(), () => isLost);
  const before = await openChain({ storage });
  const idempotencyKey = 'key';
  await t.throwsAsync(before.produce({ a: 1 }, { idempotencyKey }), { code: 'STORE_UNAVAILABLE' });
  await before.close();
  isLost = false;
  const after = await opened(t, { storage });
  t.deepEqual(await after.produce({ a: 1 }, { idempotencyKey }), {
    ...(after.tip().head ?? { height: -1, hash: '' }),
    isRepeat: true,
  });
  t.is(after.tip().head?.height, 0);
});

test('the oldest keys make room for new ones', async (t) => {
  const entries = new Map<string, Uint8Array>();
  const apply = (changes: readonly StateChange[]): void => {
    for (const { key, value, before } of changes) {
      t.deepEqual(before, entries.get(key) ?? null);
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
  };
  async function* all(): AsyncGenerator<readonly { key: string; value: Uint8Array }[]> {
    yield await Promise.resolve([...entries].map(([key, value]) => ({ key, value })));
  }
  const keys = new RequestKeys({ entries: all }, 3);
  await keys.load();
  for (let height = 0; height < 5; height++)
    apply(keys.note(`key ${9 - height}`, { height, hash: `${height}`, count: 1 }));
  t.deepEqual([...entries.keys()].sort(), ['key 5', 'key 6', 'key 7']);
  const again = new RequestKeys({ entries: all }, 3);
  await again.load();
  apply(again.note('new', { height: 5, hash: '5', count: 1 }));
  t.deepEqual([...entries.keys()].sort(), ['key 5', 'key 6', 'new']);
  t.is(again.find('key 7'), null);
  again.stored();
  // Of a batch that is not stored, the keys go, and those come back that made room.
  for (let height = 6; height < 10; height++)
    again.note(`taken back ${height}`, { height, hash: `${height}`, count: 1 });
  again.takeBack();
  t.deepEqual(
    ['taken back 9', 'key 5', 'new'].map((key) => again.find(key)?.height ?? null),
    [null, 4, 5],
  );
  apply(again.note('newer', { height: 6, hash: '6', count: 1 }));
  t.deepEqual([...entries.keys()].sort(), ['key 5', 'new', 'newer']);
});
