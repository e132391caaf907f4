import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { BundleRun, type Bundle, type Taken } from '../../plugins/transport-sse/server/bundle-run.js';
import { Bundles } from '../../plugins/transport-sse/server/bundles.js';
import { ParkedRuns } from '../../plugins/transport-sse/server/parked-runs.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import type { AbortOptions, BlockRange, BlockSource, Endpoint, Frame } from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { isSyncError } from '../../src/errors/index.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { standsStill, until } from '../helpers/waiting.js';
import { bodyOf, endpointOf } from './sse-endpoint-support.js';

const documents = sealedChain(800);
/** Fires never. */
const noSignal = (): AbortSignal => new AbortController().signal;

/** Blocks of another branch above a height. */
function branch(height: number, count: number): Uint8Array[] {
  const payload = (h: number): object =>
    h <= height ? smallPayload(h) : { branch: 'b', ...smallPayload(h) };
  return sealedChain(height + 1 + count, payload).slice(height + 1);
}

/** A source that counts the frames that were taken, and whose reads can be held up. */
class CountingSource extends MemorySource {
  taken = 0;
  open = 0;
  readonly signals: AbortSignal[] = [];
  gate: Promise<void> = Promise.resolve();

  override async *read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    this.open += 1;
    if (options?.signal !== undefined) this.signals.push(options.signal);
    try {
      for await (const frames of super.read(range, options)) {
        await this.gate;
        this.taken += frames.length;
        yield frames;
      }
    } finally {
      this.open -= 1;
    }
  }
}

function bundlesOf(source: BlockSource, maxBytes = 1 << 24, codec = 'identity'): Bundles {
  const codecs = codecRegistry([gzip(), identity()]);
  const deps = {
    source,
    codecs,
    limits: DEFAULT_SERVER_LIMITS,
    cache: 'private' as const,
    workers: inThreadWorkers(codecs),
  };
  return new Bundles(deps, codec, maxBytes);
}

const take = (bundles: Bundles, from: number, to: number): Promise<Taken> =>
  bundles.take({ from, to, limit: to }, noSignal());

function bundle(t: ExecutionContext, taken: Taken): Bundle {
  if (typeof taken === 'string') throw new TypeError(`No bundle came: ${taken}.`);
  const text = Buffer.concat(taken.chunks).toString();
  const ids = text.match(/^id: \d+$/gm)?.map((line) => Number(line.slice(4)));
  t.deepEqual(
    ids,
    Array.from({ length: taken.last.height - taken.from + 1 }, (_, at) => taken.from + at),
  );
  return taken;
}

const range = (t: ExecutionContext, taken: Taken): readonly [number, number] => {
  const { from, last } = bundle(t, taken);
  return [from, last.height];
};

async function chunksOf(body: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let next = await body.next(); next.done !== true; next = await body.next()) chunks.push(next.value);
  return chunks;
}

const all = async (endpoint: Endpoint, query: string): Promise<Uint8Array[]> =>
  chunksOf(await bodyOf(endpoint, query, noSignal()));

const idsOf = (chunks: readonly Uint8Array[]): number[] =>
  (
    Buffer.concat(chunks)
      .toString()
      .match(/^id: \d+$/gm) ?? []
  ).map((line) => Number(line.slice(4)));

const heights = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('fifty streams of one chain take each block from the source once', async (t) => {
  for (const codec of ['gzip', 'identity']) {
    const source = new CountingSource(documents);
    const endpoint = endpointOf(source);
    const bodies = await Promise.all(
      Array.from({ length: 50 }, () => bodyOf(endpoint, `codec=${codec}`, noSignal())),
    );
    const [first = [], ...others] = await Promise.all(bodies.map(chunksOf));
    t.deepEqual(idsOf(first), heights(0, 799));
    for (const other of others) {
      t.deepEqual(idsOf(other), heights(0, 799));
      for (let at = 0; at < 4; at++) t.is(other[at], first[at]);
    }
    t.is(source.taken, 800);
    t.is(source.reads.length, 1);
    t.is(source.open, 0);
    t.is(source.listeners.size, 0);
  }
});

test('streams that begin at different heights meet, also when one comes later', async (t) => {
  const source = new CountingSource(documents, { batch: 20 });
  const endpoint = endpointOf(source);
  const controller = new AbortController();
  const follower = await bodyOf(endpoint, 'follow=true', controller.signal);
  const first: Uint8Array[] = [];
  while (first.length < 4) first.push((await follower.next()).value as Uint8Array);
  t.deepEqual(idsOf(first), heights(0, 799));
  const later = await all(endpoint, 'from_height=10');
  t.deepEqual(idsOf(later), heights(10, 799));
  t.is(later[1], first[1]);
  t.is(later[2], first[2]);
  // What ends at the head, 799, is read again: there may be more by then.
  t.deepEqual(source.reads, [
    { from: 0, to: 799 },
    { from: 10, to: 799 },
    { from: 768, to: 799 },
  ]);
  controller.abort();
  await follower.return?.();
});

test('without a bound in bytes for bundles each stream reads for itself', async (t) => {
  const source = new CountingSource(documents);
  const endpoint = endpointOf(source, { bundleBytes: 0 });
  const [one, two] = await Promise.all([all(endpoint, ''), all(endpoint, '')]);
  t.deepEqual(idsOf(one), heights(0, 799));
  t.deepEqual(idsOf(two), heights(0, 799));
  t.is(source.taken, 1600);
  for (const bundleBytes of [-1, 1.5, Number.NaN])
    t.throws(() => sseEndpoint({ bundleBytes }), { instanceOf: TypeError, message: /`bundleBytes`/ });
});

test('an end that a client asks for inside a bundle is kept to, and concerns no other', async (t) => {
  const bundles = bundlesOf(new MemorySource(documents));
  t.deepEqual(range(t, await take(bundles, 3, 20)), [3, 20]);
  t.deepEqual(range(t, await take(bundles, 3, 799)), [3, 255]);
  t.deepEqual(range(t, await take(bundles, 3, 20)), [3, 20]);
  t.deepEqual(range(t, await take(bundles, 3, 255)), [3, 255]);
});

test('the bundle that was not used for longest goes first', async (t) => {
  const source = new CountingSource(documents, { batch: 256 });
  const one = bundle(t, await take(bundlesOf(source), 0, 799));
  const bundles = bundlesOf(source, one.bytes * 2.5);
  for (const from of [0, 256, 0, 512]) await take(bundles, from, 799);
  const before = source.taken;
  await take(bundles, 0, 799);
  await take(bundles, 512, 799);
  t.is(source.taken, before);
  await take(bundles, 256, 799);
  t.true(source.taken > before);
});

/** Two of the large ones are more than a bundle holds, reckoned before they are compressed. */
const IN_BASE64 = [
  [0, 5],
  [6, 6],
  [7, 8],
  [9, 9],
  [10, 11],
] as const;

test('a bundle ends before it is too large, and a block that is too large for any goes in pieces', async (t) => {
  const sizes = new Map([
    [5, 100_000],
    [6, 100_000],
    [7, 100_000],
    [9, 600_000],
    [12, 3_000_000],
  ]);
  const chain = sealedChain(80, (height) => ({ text: 'x'.repeat(sizes.get(height) ?? 10) }));
  for (const codec of ['identity', 'gzip'] as const) {
    const source = new CountingSource(chain, { codec: 'identity' });
    const bundles = bundlesOf(source, 1 << 24, codec);
    const seen: (readonly [number, number])[] = [];
    let next = 0;
    while (next < 12) {
      seen.push(range(t, await take(bundles, next, 79)));
      next = (seen.at(-1)?.[1] ?? 0) + 1;
    }
    t.is(await take(bundles, 12, 79), 'large');
    t.deepEqual(range(t, await take(bundles, 13, 79)), [13, 79]);
    t.deepEqual(
      seen,
      codec === 'identity'
        ? [
            [0, 6],
            [7, 8],
            [9, 9],
            [10, 11],
          ]
        : IN_BASE64,
    );
  }
  const source = new CountingSource(chain, { codec: 'identity' });
  const endpoint = endpointOf(source);
  const [one = [], two = []] = await Promise.all([1, 2].map(() => all(endpoint, 'codec=identity')));
  t.deepEqual(idsOf(one), heights(0, 79));
  t.true(Buffer.concat(one).equals(Buffer.concat(two)));
  t.true(one.every(({ length }) => length <= 256 * 1024));
  t.is(one.filter((chunk) => two.includes(chunk)).length, 1 + 1 + 10 + 1);
});

test('a stream that goes away while it waits takes nothing from the others', async (t) => {
  const source = new CountingSource(documents);
  let open = (): void => undefined;
  source.gate = new Promise((resolve) => (open = resolve));
  const bundles = bundlesOf(source);
  const [one, two] = [new AbortController(), new AbortController()];
  const stretch = { from: 0, to: 799, limit: 799 };
  const gone = bundles.take(stretch, one.signal);
  const stays = bundles.take(stretch, two.signal);
  await setImmediate();
  one.abort();
  const error: unknown = await t.throwsAsync(gone);
  t.true(isSyncError(error, 'ABORTED'));
  t.false(source.signals[0]?.aborted);
  open();
  t.deepEqual(range(t, await stays), [0, 255]);
  t.is(source.reads.length, 1);
});

test('a read that nobody waits for any more is called off', async (t) => {
  const source = new CountingSource(documents);
  let open = (): void => undefined;
  source.gate = new Promise((resolve) => (open = resolve));
  const endpoint = endpointOf(source);
  const controllers = [new AbortController(), new AbortController()];
  const bodies = await Promise.all(controllers.map((controller) => bodyOf(endpoint, '', controller.signal)));
  const pending = bodies.map((body) => body.next());
  await setImmediate();
  controllers[0]?.abort();
  t.true((await pending[0])?.done);
  t.false(source.signals[0]?.aborted);
  controllers[1]?.abort();
  t.true((await pending[1])?.done);
  t.true(source.signals[0]?.aborted);
  t.is(source.reads.length, 1);
  open();
  await until(() => source.open === 0);
  t.is(source.listeners.size, 0);
});

test('a read that could go on is let go when the last stream leaves', async (t) => {
  const source = new CountingSource(documents, { batch: 10 });
  const controller = new AbortController();
  const body = await bodyOf(endpointOf(source), '', controller.signal);
  t.deepEqual(idsOf([(await body.next()).value as Uint8Array]), heights(0, 255));
  t.is(source.open, 1);
  controller.abort();
  t.true((await body.next()).done);
  await until(() => source.open === 0);
});

/** Runs that have made a bundle each. */
async function usedRuns(source: BlockSource, count: number): Promise<BundleRun[]> {
  const codecs = codecRegistry([identity(), gzip()]);
  const deps = {
    source,
    codecs,
    limits: DEFAULT_SERVER_LIMITS,
    cache: 'private' as const,
    workers: inThreadWorkers(codecs),
  };
  const runs = Array.from({ length: count }, (_, from) => new BundleRun(deps, 'gzip', { from, to: 799 }));
  for (const [from, run] of runs.entries()) await run.take(from);
  return runs;
}

test('reads that could go on are bounded in number, and closed when they are let go', async (t) => {
  const source = new CountingSource(documents, { batch: 10 });
  const parked = new ParkedRuns();
  for (const run of await usedRuns(source, 40)) parked.add(run);
  t.is(await standsStill(() => source.open), 32);
  t.is(parked.take(8, 799), null);
  t.is(parked.take(9, 800), null);
  const run = parked.take(9, 799);
  t.deepEqual(range(t, (await run?.take(30)) ?? 'nothing'), [9, 30]);
  parked.close();
  t.is(await standsStill(() => source.open), 1);
  run?.close();
  await until(() => source.open === 0);
});

test('a read that nobody goes on with is closed after a time', async (t) => {
  const source = new CountingSource(documents, { batch: 10 });
  const parked = new ParkedRuns(20);
  for (const run of await usedRuns(source, 3)) parked.add(run);
  await until(() => source.open === 0);
  t.is(parked.take(1, 799), null);
});

test('a rollback takes back bundles that are kept', async (t) => {
  const source = new MemorySource(documents);
  const bundles = bundlesOf(source);
  const old = [await take(bundles, 0, 799), await take(bundles, 256, 799)] as const;
  source.rollback(400);
  source.extend(branch(400, 399));
  bundles.rollback({ height: 400, hash: source.frames[400]?.header.hash ?? '' });
  t.is(await take(bundles, 0, 799), old[0]);
  const now = bundle(t, await take(bundles, 256, 799));
  t.not(now, old[1]);
  t.is(now.last.hash, source.frames[511]?.header.hash ?? '');
});

test('a rollback voids a bundle that is being made, for all that wait', async (t) => {
  const source = new MemorySource(documents, { batch: 50 });
  const bundles = bundlesOf(source);
  const waiting = [take(bundles, 256, 799), take(bundles, 256, 799)];
  await setImmediate();
  source.rollback(504);
  source.extend(branch(504, 295));
  bundles.rollback({ height: 504, hash: source.frames[504]?.header.hash ?? '' });
  t.deepEqual(await Promise.all(waiting), ['nothing', 'nothing']);
  t.is(bundle(t, await take(bundles, 256, 799)).last.hash, source.frames[511]?.header.hash ?? '');
});

test('what a read has left over after a bundle does not outlive a rollback', async (t) => {
  for (const isUsed of [false, true]) {
    const source = new MemorySource(documents);
    const bundles = bundlesOf(source);
    t.deepEqual(range(t, await take(bundles, 252, 799)), [252, 255]);
    const during = isUsed ? take(bundles, 256, 258) : null;
    source.rollback(258);
    source.extend(branch(258, 541));
    bundles.rollback({ height: 258, hash: source.frames[258]?.header.hash ?? '' });
    if (during !== null) t.deepEqual(range(t, await during), [256, 258]);
    const next = await take(bundles, isUsed ? 259 : 256, 799);
    t.is(bundle(t, next).last.hash, source.frames[511]?.header.hash ?? '');
    t.is(source.reads.length, 2);
  }
});

test('blocks of two branches in one read are not handed out', async (t) => {
  const source = new MemorySource(documents);
  const other = new MemorySource([...documents.slice(0, 30), ...branch(29, 40)]);
  source.frames = [...source.frames.slice(0, 40), ...other.frames.slice(40)];
  t.is(await take(bundlesOf(source), 0, 69), 'replaced');
  t.deepEqual(range(t, await take(bundlesOf(source), 0, 39)), [0, 39]);
});

test('a failure comes to all that wait for its block, after the blocks before it', async (t) => {
  const source = new MemorySource(documents, { batch: 10 });
  source.failAt = 35;
  const bundles = bundlesOf(source);
  t.deepEqual(range(t, await take(bundles, 0, 799)), [0, 29]);
  for (const taken of [take(bundles, 30, 799), take(bundles, 30, 799)])
    await t.throwsAsync(taken, { message: /^EIO/ });
  source.failAt = null;
  t.deepEqual(range(t, await take(bundles, 30, 799)), [30, 255]);
});
