import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { linked } from '../../plugins/chain-linked/index.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { ChainRules, ChainRulesPlugin, VerifiedTile } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import {
  createTileVerifier,
  type TileVerifier,
  type TileVerifierOptions,
} from '../../src/workers/tile-verifier.js';
import { dataTest } from '../helpers/data-test.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { assertVerified, outcomeOf, tileSample, type TileSample } from '../helpers/tile-bodies.js';
import { createRules, oddDocument, oddWorker } from './odd-rules.js';

const MAX_BLOCK_BYTES = 1_000_000;

function verifierFor(t: ExecutionContext, options: Partial<TileVerifierOptions>): TileVerifier {
  const verifier = createTileVerifier({
    rules: createRules(),
    worker: oddWorker,
    maxBlockBytes: MAX_BLOCK_BYTES,
    threads: 1,
    firstThreadCost: 0,
    ...options,
  });
  t.teardown(() => verifier.close());
  return verifier;
}

/** One that checks all on threads, and one that checks all here. */
function both(t: ExecutionContext, plugin: ChainRulesPlugin): readonly [TileVerifier, TileVerifier] {
  const rules = plugin.create();
  const onThreads = verifierFor(t, { rules, worker: plugin.worker, threads: 2 });
  return [onThreads, verifierFor(t, { rules, worker: null, threads: 0 })];
}

async function assertSame(
  t: ExecutionContext,
  [onThreads, here]: readonly [TileVerifier, TileVerifier],
  { entry, body }: Pick<TileSample, 'entry' | 'body'>,
): Promise<void> {
  const [there, wanted] = await Promise.all(
    [onThreads, here].map((verifier) => outcomeOf(verifier.verify(entry, body, {}))),
  );
  t.deepEqual(there, wanted);
}

/** A tile of these rules; the last word of each document is a deed. */
function oddTile(
  deeds: readonly string[],
  hash = (height: number): string => `h${height}`,
): Promise<TileSample> {
  const documents = deeds.map((deed, height) => oddDocument(height, hash(height), hash(height - 1), deed));
  return tileSample(createRules(), documents);
}

/** The threads that checked the blocks of a tile; 0 is the one of the test. */
const threadsOf = ({ headers }: VerifiedTile): readonly (number | null)[] => [
  ...new Set(headers.map(({ timestamp }) => timestamp)),
];

test('Threads and the main thread find the same in any body, and refuse the same with the same errors', async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  const documents = sealedChain(50, (height) => ({
    timestamp: height % 3 === 0 ? null : height * 1000,
    text: 'lorem ipsum '.repeat(height % 7 === 0 ? 8000 : height),
  }));
  const plugin = sealedJson();
  const pair = both(t, plugin);
  const sample = await tileSample(plugin.create(), documents);
  const bodies = [sample.body, gzipSync(ndjson(documents))];
  const claims = fc.record(
    {
      from: fc.nat({ max: 2 }),
      to: fc.integer({ min: 47, max: 51 }),
      hash: fc.constantFrom(sample.entry.hash, 'f'.repeat(64)),
      documentBytes: fc.integer({ min: -2, max: 2 }).map((more) => sample.entry.documentBytes + more),
      digest: fc.constantFrom(null, 'f'.repeat(64)),
    },
    { requiredKeys: [] },
  );
  const damage = fc.option(fc.record({ at: fc.nat({ max: 1 << 20 }), byte: fc.nat({ max: 255 }) }), {
    freq: 3,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 1 }), claims, damage, async (which, claim, where) => {
      const body = Buffer.from(bodies[which] ?? []);
      if (where !== null) body[where.at % body.byteLength] = where.byte;
      await assertSame(t, pair, { entry: { ...sample.entry, ...claim }, body });
    }),
    { numRuns: 150, seed },
  );
});

test('Blocks that are false are refused alike on threads and on the main thread', async (t) => {
  const plugin = sealedJson();
  const pair = both(t, plugin);
  const chain = sealedChain(30);
  const { entry } = await tileSample(plugin.create(), chain);
  const empty = new Uint8Array();
  const changed = Buffer.from(chain[5] ?? empty);
  changed.write('x', changed.byteLength - 9);
  const changes: readonly (readonly Uint8Array[])[] = [
    chain.with(5, empty),
    chain.with(5, Buffer.from('[]')),
    chain.with(5, chain[6] ?? empty),
    chain.with(5, chain[4] ?? empty),
    chain.with(5, changed),
    chain.slice(1),
    [...chain, chain[0] ?? empty],
    chain.toReversed(),
  ];
  for (const documents of changes) {
    const body = gzipSync(ndjson(documents));
    await assertSame(t, pair, { entry: { ...entry, documentBytes: ndjson(documents).byteLength }, body });
  }
});

test('Rules with options are made on a thread with their options', async (t) => {
  const plugin = linked({ height: 'n', hash: 'id', previousHash: 'after' });
  const documents = Array.from({ length: 100 }, (_, n) =>
    Buffer.from(JSON.stringify({ n, id: `label-${n}`, after: `label-${n - 1}`, more: 'x'.repeat(n * 30) })),
  );
  const pair = both(t, plugin);
  const sample = await tileSample(plugin.create(), documents);
  assertVerified(t, plugin.create(), await pair[0].verify(sample.entry, sample.body, {}), documents);
  await assertSame(t, pair, sample);
  await assertSame(t, pair, { ...sample, entry: { ...sample.entry, hash: 'label-98' } });
});

test('Hashes of any spelling come back from a thread as they are', async (t) => {
  const odd = { rules: createRules(), worker: oddWorker };
  for (const hash of [
    (height: number) => `0xAbC${height}`,
    (height: number) => `Zoë☤${height}`,
    (height: number) => `é${height}`,
    (height: number) => 'x'.repeat(height + 2),
  ]) {
    const sample = await oddTile(
      Array.from({ length: 20 }, () => 'fine'),
      hash,
    );
    const tile = await verifierFor(t, odd).verify(sample.entry, sample.body, {});
    t.deepEqual(
      tile.headers.map((header) => [header.height, header.hash, header.previousHash]),
      sample.documents.map((_, height) => [height, hash(height), hash(height - 1)]),
    );
  }
});

dataTest(
  'Real blocks are the same on threads and on the main thread',
  'data/ethereum/eth-mainnet-0-8191.ndjson.gz',
  async (t, path) => {
    const lines = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n').slice(1024, 1536);
    const plugin = ethereum();
    const documents = lines.map((line) => Buffer.from(line));
    const pair = both(t, plugin);
    const sample = await tileSample(plugin.create(), documents);
    assertVerified(t, plugin.create(), await pair[0].verify(sample.entry, sample.body, {}), documents);
    await assertSame(t, pair, sample);
    documents[100]?.write('1', 300);
    await assertSame(t, pair, { ...sample, body: gzipSync(ndjson(documents)) });
  },
);

test("The caller's memory stays, and what comes back is in memory of its own", async (t) => {
  const sample = await oddTile(Array.from({ length: 300 }, () => 'fine '.repeat(100)));
  const large = Buffer.alloc(sample.body.byteLength + 1000, 1);
  large.set(sample.body, 500);
  const body = large.subarray(500, 500 + sample.body.byteLength);
  const verifier = verifierFor(t, {});
  const tile = await verifier.verify(sample.entry, body, {});
  t.is(large.byteLength, sample.body.byteLength + 1000);
  t.is(tile.body.bytes, body);
  const again = await verifier.verify(sample.entry, gzipSync(gunzipSync(body)), {});
  t.is(Buffer.compare(again.body.bytes, body), 0);
  t.is(again.body.bytes.buffer.byteLength, body.byteLength);
});

test('The first tiles are checked here, and threads take over when there are many', async (t) => {
  const sample = await oddTile(['fine', 'fine']);
  const verifier = verifierFor(t, { firstThreadCost: 3 * (sample.entry.documentBytes + 2 * 1536) });
  const threads: unknown[] = [];
  for (let at = 0; at < 2; at++)
    threads.push(...threadsOf(await verifier.verify(sample.entry, sample.body, {})));
  t.deepEqual(threads, [0, 0]);
  let [thread] = threadsOf(await verifier.verify(sample.entry, sample.body, {}));
  t.is(thread, 0, 'the one that makes a thread worth it does not wait for its start');
  while (thread === 0) [thread] = threadsOf(await verifier.verify(sample.entry, sample.body, {}));
  t.true(Number(thread) > 0);
});

test('Few tiles start no thread, and neither do those of rules without a worker, or where none is wanted', async (t) => {
  const sample = await oddTile(Array.from({ length: 100 }, () => 'fine'));
  const few = createTileVerifier({
    rules: createRules(),
    worker: oddWorker,
    maxBlockBytes: MAX_BLOCK_BYTES,
    threads: 4,
  });
  t.teardown(() => few.close());
  const without = [
    few,
    verifierFor(t, { worker: null }),
    verifierFor(t, { worker: undefined }),
    verifierFor(t, { threads: 0 }),
  ];
  for (const verifier of without) {
    for (let at = 0; at < 5; at++)
      t.deepEqual(threadsOf(await verifier.verify(sample.entry, sample.body, {})), [0]);
  }
});

test('As many tiles are checked at once as there are threads', async (t) => {
  const verifier = verifierFor(t, { threads: 2, firstThreadCost: 1 });
  const [spinning, fine] = [await oddTile(['fine', 'spin']), await oddTile(['fine'])];
  // Two threads are worth 32 MiB more than the first.
  const much = { ...fine.entry, documentBytes: 40 * 1024 * 1024 };
  await t.throwsAsync(verifier.verify({ ...much, to: 100 }, fine.body, {}), { code: 'TILE_MISMATCH' });
  let [thread] = threadsOf(await verifier.verify(fine.entry, fine.body, {}));
  while (thread === 0) [thread] = threadsOf(await verifier.verify(fine.entry, fine.body, {}));
  const abort = new AbortController();
  const stuck = verifier.verify(spinning.entry, spinning.body, { signal: abort.signal });
  const tiles = await Promise.all([fine, fine].map(({ entry, body }) => verifier.verify(entry, body, {})));
  for (const tile of tiles) t.true(Number(threadsOf(tile)[0]) > 0);
  abort.abort();
  await t.throwsAsync(stuck, { code: 'ABORTED' });
});

test('A tile that ends its thread is rejected alone, and the thread replaced', async (t) => {
  const verifier = verifierFor(t, {});
  const [fine, bad] = [await oddTile(['fine', 'fine']), await oddTile(['fine', 'exit'])];
  const tiles = [fine, bad, fine].map(({ entry, body }) => verifier.verify(entry, body, {}));
  await t.throwsAsync(tiles[1] ?? Promise.resolve(), { code: 'INTERNAL', message: /tile thread/ });
  t.is((await tiles[0])?.headers.length, 2);
  t.is((await tiles[2])?.headers.length, 2);
});

test('What rules throw comes back with class, code, context and cause', async (t) => {
  const verifier = verifierFor(t, {});
  const odd = await oddTile(['fine', 'sync-error']);
  const error = await t.throwsAsync(verifier.verify(odd.entry, odd.body, {}), { instanceOf: SyncError });
  t.is(error.code, 'BLOCK_MALFORMED');
  t.deepEqual(error.context, { height: 1, peer: 'http://peer' });
  t.is((error.cause as Error).message, 'the reason');
  const mistake = await oddTile(['type-error']);
  await t.throwsAsync(verifier.verify(mistake.entry, mistake.body, {}), {
    instanceOf: TypeError,
    message: 'an odd mistake',
  });
});

test('Rules that a thread cannot make are PLUGIN_INCOMPATIBLE, at once and later', async (t) => {
  const { entry, body } = await oddTile(['fine']);
  const worker = { module: new URL('no-such-module.js', import.meta.url).href, options: null };
  const expected = { code: 'PLUGIN_INCOMPATIBLE', message: /no-such-module/ };
  await t.throwsAsync(verifierFor(t, { worker }).verify(entry, body, {}), expected);
  const later = verifierFor(t, { worker, firstThreadCost: 1 });
  await t.notThrowsAsync(later.verify(entry, body, {}));
  await t.throwsAsync(async () => {
    for (;;) await later.verify(entry, body, {});
  }, expected);
  const odd = { module: new URL('odd-codec.js', import.meta.url).href, options: null };
  await t.throwsAsync(verifierFor(t, { worker: odd }).verify(entry, body, {}), {
    code: 'PLUGIN_INCOMPATIBLE',
  });
});

test('On the main thread others have their turns between the blocks of a tile', async (t) => {
  const deeds = Array.from({ length: 40 }, () => `rest ${'x'.repeat(20_000)}`);
  const { entry, body } = await oddTile(deeds);
  const verifier = verifierFor(t, { threads: 0 });
  const verifying = verifier.verify(entry, body, {});
  const done = verifying.then(() => 'done');
  let turns = 0;
  while ((await Promise.race([done, setImmediate('a turn')])) !== 'done') turns++;
  t.is((await verifying).headers.length, 40);
  // The blocks take 80 ms, a turn is over after 4.
  t.true(turns >= 10, `${turns} turns`);
});

test('On the main thread tiles are done in the order in which they came', async (t) => {
  const verifier = verifierFor(t, { threads: 0 });
  const samples = await Promise.all(
    [30, 3, 1].map((count) => oddTile(Array.from({ length: count }, () => 'rest'))),
  );
  const done: number[] = [];
  await Promise.all(
    samples.map(async ({ entry, body }) => {
      done.push((await verifier.verify(entry, body, {})).headers.length);
    }),
  );
  t.deepEqual(done, [30, 3, 1]);
});

for (const threads of [0, 1]) {
  const where = threads === 0 ? 'on the main thread' : 'on a thread';
  test(`A signal calls off a tile ${where}, and the next is checked`, async (t) => {
    const verifier = verifierFor(t, { threads });
    const [slow, fine] = [
      await oddTile(Array.from({ length: 200 }, () => `rest ${'x'.repeat(9000)}`)),
      await oddTile(['fine']),
    ];
    const abort = new AbortController();
    const { signal } = abort;
    const stopped = verifier.verify(slow.entry, slow.body, { signal });
    const next = verifier.verify(fine.entry, fine.body, {});
    await sleep(20);
    abort.abort(new SyncError('PEER_TIMEOUT', 'Too late.'));
    await t.throwsAsync(stopped, { code: 'PEER_TIMEOUT' });
    t.is((await next).headers.length, 1);
    await t.throwsAsync(verifier.verify(fine.entry, fine.body, { signal }), { code: 'PEER_TIMEOUT' });
  });

  test(`close rejects what is checked and what waits ${where} with ABORTED, for good`, async (t) => {
    const verifier = verifierFor(t, { threads });
    const { entry, body } = await oddTile(Array.from({ length: 50 }, () => `rest ${'x'.repeat(20_000)}`));
    const tiles = [1, 2, 3].map(() => verifier.verify(entry, body, {}));
    const rejected = Promise.all(tiles.map((tile) => t.throwsAsync(tile, { code: 'ABORTED' })));
    await setImmediate();
    await verifier.close();
    await rejected;
    await verifier.close();
    await t.throwsAsync(verifier.verify(entry, body, {}), { code: 'ABORTED' });
  });
}

test('Idle threads do not keep a process alive', async (t) => {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const code = `
    import { createTileVerifier } from ${url('../../src/workers/tile-verifier.js')};
    import { createRules, oddWorker, oddDocument } from ${url('./odd-rules.js')};
    import { tileSample } from ${url('../helpers/tile-bodies.js')};
    const rules = createRules();
    const verifier = createTileVerifier({ rules, worker: oddWorker, maxBlockBytes: 1e6, threads: 1, firstThreadCost: 0 });
    const { entry, body } = await tileSample(rules, [oddDocument(0, 'a', 'z')]);
    const { headers: [header] } = await verifier.verify(entry, body, {});
    console.log(header.timestamp > 0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    timeout: 60_000,
  });
  t.is(stdout.trim(), 'true');
});

test('The worker module of each built-in kind of rules makes the rules that its plugin makes', async (t) => {
  const plugins: readonly ChainRulesPlugin[] = [
    sealedJson(),
    ethereum(),
    linked({ height: 'a', hash: 'b', previousHash: 'c' }),
  ];
  for (const plugin of plugins) {
    const { module = '', options } = plugin.worker ?? {};
    const worker = (await import(module)) as { createRules(options: unknown): ChainRules };
    t.is(worker.createRules(structuredClone(options)).id, plugin.create().id);
  }
});
