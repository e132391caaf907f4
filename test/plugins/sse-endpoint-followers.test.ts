import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type {
  BlockHeader,
  BlockRange,
  BlockSource,
  ChainChange,
  ChainTip,
  Endpoint,
  Frame,
} from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { frameOf, MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';

/** A source whose reads and reports take turns of their own, and that can change at each of them. */
class TurningSource implements BlockSource {
  readonly chain = 'sealed-json';
  frames: Frame[] = [];
  readonly listeners = new Set<(change: ChainChange) => void>();
  /** Runs at each turn of a read, before its blocks are taken (`true`) and before they are handed out. */
  onTurn: (before: boolean) => void = () => undefined;
  readonly #batch: number;
  #branch = 0;
  #unreported: ChainChange[] = [];

  constructor(count: number, batch: number) {
    this.#batch = batch;
    this.grow(count);
    this.report();
  }

  chainId(): string | null {
    return this.frames[0]?.header.hash ?? null;
  }

  tip(): ChainTip {
    return { base: 0, head: this.frames.at(-1)?.header ?? null, finalized: null };
  }

  header(height: number): Promise<BlockHeader | null> {
    return Promise.resolve(this.frames[height]?.header ?? null);
  }

  async *read({ from, to }: BlockRange): AsyncIterable<readonly Frame[]> {
    for (let next = from; next <= to; next += this.#batch) {
      await setImmediate();
      this.onTurn(true);
      const frames = this.frames.slice(next, Math.min(to + 1, next + this.#batch));
      this.onTurn(false);
      await setImmediate();
      if (frames.length === 0) return;
      yield frames;
    }
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Makes blocks durable; `report` tells of them. */
  grow(count: number): void {
    const frames: Frame[] = [];
    for (let index = 0; index < count; index++) {
      const head = this.frames.at(-1)?.header ?? null;
      const payload = Buffer.from(JSON.stringify({ branch: this.#branch }));
      const height = (head?.height ?? -1) + 1;
      const { document } = seal(payload, { height, previousHash: head?.hash ?? SEALED_JSON_GENESIS });
      const frame = frameOf(document, 'identity');
      frames.push(frame);
      this.frames.push(frame);
    }
    this.#unreported.push({ kind: 'extend', frames });
  }

  cut(height: number): void {
    const to = this.frames[height]?.header;
    if (to === undefined) return;
    this.#branch += 1;
    this.frames.length = height + 1;
    this.#unreported.push({ kind: 'rollback', to });
  }

  report(): void {
    const changes = this.#unreported;
    this.#unreported = [];
    for (const change of changes) for (const listener of [...this.listeners]) listener(change);
  }
}

function endpointOf(source: BlockSource, recentBytes = 16 * 1024 * 1024): Endpoint {
  const codecs = codecRegistry([gzip(), identity()]);
  const limits = DEFAULT_SERVER_LIMITS;
  return sseEndpoint({ recentBytes }).create({ source, codecs, limits, workers: inThreadWorkers(codecs) });
}

async function bodyOf(
  endpoint: Endpoint,
  query: string,
  signal: AbortSignal,
): Promise<AsyncIterator<Uint8Array>> {
  const request = { method: 'GET', path: '/stream', query: new URLSearchParams(query), header: () => null };
  const { body } = await endpoint.handle(request, { signal });
  return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
}

/** What a client knows when it applies every event, and refuses any that does not fit. */
class View {
  readonly hashes: string[];
  error: string | null = null;
  ended = false;
  #text = '';

  constructor(source: TurningSource, from: number) {
    this.hashes = source.frames.slice(0, from).map(({ header }) => header.hash);
  }

  async pull(body: AsyncIterator<Uint8Array>): Promise<void> {
    const { done, value } = (await body.next()) as IteratorResult<Uint8Array, undefined>;
    this.ended = done === true;
    this.#text += value === undefined ? '' : Buffer.from(value).toString();
    const events = this.#text.split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) this.#apply(event);
  }

  #apply(event: string): void {
    const data = event.slice(event.indexOf('data: ') + 6);
    if (event.startsWith('event: error')) this.error = data;
    if (event.startsWith('event: rollback')) this.#rollback(JSON.parse(data) as BlockHeader);
    if (event.startsWith('event: block')) this.#block(JSON.parse(data) as BlockHeader);
  }

  #block({ height, hash, previousHash }: BlockHeader): void {
    if (height !== this.hashes.length) throw new Error(`Block ${height} came on ${this.hashes.length - 1}.`);
    const parent = this.hashes.at(-1);
    if (parent !== undefined && previousHash !== parent)
      throw new Error(`Block ${height} has another parent.`);
    this.hashes.push(hash);
  }

  #rollback({ height, hash }: BlockHeader): void {
    if (height >= this.hashes.length - 1) throw new Error(`A rollback to ${height} voids nothing.`);
    this.hashes.length = height + 1;
    if (this.hashes[height] !== hash) throw new Error(`The rollback to ${height} names another block.`);
  }
}

const operation = fc.oneof(
  fc.record({ kind: fc.constant('grow' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('cut' as const), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant('report' as const), count: fc.constant(0) }),
  fc.record({ kind: fc.constant('pull' as const), count: fc.integer({ min: 1, max: 4 }) }),
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(source: TurningSource, { kind, count }: Operation): void {
  if (kind === 'grow') source.grow(count);
  else if (kind === 'cut') source.cut(Math.max(0, source.frames.length - 1 - count));
  else if (kind === 'report') source.report();
}

const hashes = ({ frames }: TurningSource): string[] => frames.map(({ header }) => header.hash);

test('whatever is appended and rolled back while it reads, a follower ends with what the source has', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 25 }),
      fc.array(operation, { maxLength: 12 }),
      fc.record({
        batch: fc.integer({ min: 1, max: 7 }),
        from: fc.integer({ min: 0, max: 12 }),
        recentBytes: fc.constantFrom(0, 1500, 1 << 24),
      }),
      async (between, during, { batch, from, recentBytes }) => {
        const source = new TurningSource(12, batch);
        const turns = [...during];
        source.onTurn = () => {
          const next = turns.shift();
          if (next !== undefined) apply(source, next);
        };
        const view = new View(source, from);
        const controller = new AbortController();
        const parent = from === 0 ? '' : `&parent_hash=${view.hashes[from - 1] ?? ''}`;
        const query = `follow=true&codec=identity&from_height=${from}${parent}`;
        const endpoint = endpointOf(source, recentBytes);
        const body = await bodyOf(endpoint, query, controller.signal);
        let pulling: Promise<void> | null = null;
        const pull = (): Promise<void> => (pulling ??= view.pull(body).finally(() => (pulling = null)));
        void pull();
        for (const next of between) {
          apply(source, next);
          for (let count = next.kind === 'pull' ? next.count : 0; count > 0; count--) {
            void pull();
            await setImmediate();
          }
        }
        source.onTurn = () => undefined;
        source.grow(1);
        source.report();
        for (let tries = 0; tries < 200 && view.hashes.at(-1) !== hashes(source).at(-1); tries++) {
          void pull();
          await setImmediate();
          if (view.error !== null) break;
        }
        controller.abort();
        await Promise.resolve(pulling);
        await body.return?.();
        t.is(view.error, null);
        t.deepEqual(view.hashes, hashes(source));
        t.is(source.listeners.size, 0);
      },
    ),
    { numRuns: 400 },
  );
});

interface Cut {
  readonly follow: boolean;
  readonly reportLate: boolean;
  /** Turn of the read at which it comes. */
  readonly turn: number;
  readonly to: number;
}

/** Reads a stream during which the source is rolled back once, to its end or until it has everything. */
async function viewOf(
  source: TurningSource,
  { follow, reportLate, turn, to }: Cut,
): Promise<{ readonly view: View; readonly sentBefore: number }> {
  const view = new View(source, 0);
  let turns = 0;
  let sentBefore = 0;
  source.onTurn = () => {
    if (turns++ !== turn) return;
    sentBefore = view.hashes.length;
    source.cut(to);
    source.grow(15);
    if (reportLate)
      void setImmediate().then(() => {
        source.report();
      });
    else source.report();
  };
  const controller = new AbortController();
  const query = `codec=identity&follow=${String(follow)}`;
  const body = await bodyOf(endpointOf(source, 0), query, controller.signal);
  const hasAll = (): boolean => turns > turn && view.hashes.at(-1) === hashes(source).at(-1);
  while (!view.ended && !(follow && hasAll())) await view.pull(body);
  controller.abort();
  await body.return?.();
  return { view, sentBefore };
}

const cuts = [false, true].flatMap((reportLate) =>
  Array.from({ length: 8 * 12 }, (_, at) => ({ reportLate, turn: at % 8, to: Math.floor(at / 8) })),
);

test('a rollback at every place of a read leaves a follower with what the source has', async (t) => {
  for (const cut of cuts) {
    const source = new TurningSource(12, 3);
    const { view } = await viewOf(source, { ...cut, follow: true });
    t.is(view.error, null, JSON.stringify(cut));
    t.deepEqual(view.hashes, hashes(source), JSON.stringify(cut));
  }
});

test('a rollback during a read ends a stream only when it voids what was sent', async (t) => {
  for (const cut of cuts) {
    const source = new TurningSource(12, 3);
    const { view, sentBefore } = await viewOf(source, { ...cut, follow: false });
    // What is reported late may be sent before.
    const mayEnd = cut.reportLate ? cut.to < 11 : sentBefore > cut.to + 1;
    if (!mayEnd) t.is(view.error, null, JSON.stringify(cut));
    if (view.error === null) t.deepEqual(view.hashes, hashes(source), JSON.stringify(cut));
  }
});

test('a following stream with an end is complete at the head, and once more after its last block', async (t) => {
  const documents = sealedChain(10);
  const source = new MemorySource(documents.slice(0, 3));
  const { signal } = new AbortController();
  const endpoint = endpointOf(source);
  const endsOf = async (query: string, atHead: () => void): Promise<readonly (string | undefined)[]> => {
    const body = await bodyOf(endpoint, query, signal);
    let text = '';
    for (let next = await body.next(); next.done !== true; next = await body.next()) {
      text += Buffer.from(next.value).toString();
      if (text.endsWith('\n\n') && text.includes('event: complete')) atHead();
    }
    return text.split('\n').filter((line) => line.startsWith('id') || line.startsWith('event: complete'));
  };
  const grow = (): void => {
    if (source.frames.length < 8)
      source.extend(documents.slice(source.frames.length, source.frames.length + 1));
  };
  const done = 'event: complete';
  t.deepEqual(await endsOf('from_height=1&follow=true&to_height=4', grow), [
    'id: 1',
    'id: 2',
    done,
    'id: 3',
    'id: 4',
    done,
  ]);
  t.is(source.listeners.size, 0);
  const head = source.frames.length - 1;
  for (const to of [head, head - 1]) {
    const query = `from_height=${to}&follow=true&to_height=${to}`;
    t.deepEqual(await endsOf(query, () => undefined), [`id: ${to}`, done]);
  }
});

const valueOf = ({ value }: IteratorResult<Uint8Array>): Uint8Array => value as Uint8Array;

test('followers at the head share the memory of each event, and none of them reads the source', async (t) => {
  const documents = sealedChain(8);
  const source = new MemorySource(documents.slice(0, 2));
  const endpoint = endpointOf(source);
  const controller = new AbortController();
  const parent = `from_height=2&follow=true`;
  const bodies = await Promise.all([1, 2, 3].map(() => bodyOf(endpoint, parent, controller.signal)));
  for (const body of bodies) await body.next();
  t.is(source.listeners.size, 1);
  const pending = bodies.map((body) => body.next());
  source.extend(documents.slice(2, 3));
  const [first = new Uint8Array(), ...others] = (await Promise.all(pending)).map(valueOf);
  for (const other of others) t.is(other, first);
  source.extend(documents.slice(3));
  const [joined = new Uint8Array(), ...rest] = (await Promise.all(bodies.map((body) => body.next()))).map(
    valueOf,
  );
  for (const other of rest) t.is(other, joined);
  t.is(Buffer.from(joined).toString().split('event: block').length, 6);
  t.is(source.reads.length, 0);
  controller.abort();
  for (const body of bodies) await body.return?.();
  t.is(source.listeners.size, 0);
});

test('one report of more than a chunk holds reaches a follower that waits, without a further report', async (t) => {
  const documents = sealedChain(400);
  const source = new MemorySource(documents.slice(0, 2));
  const controller = new AbortController();
  const query = 'from_height=2&follow=true&codec=identity&to_height=399';
  const body = await bodyOf(endpointOf(source), query, controller.signal);
  await body.next();
  const pending = body.next();
  await setImmediate();
  source.extend(documents.slice(2));
  let text = Buffer.from(valueOf(await pending)).toString();
  for (let next = await body.next(); next.done !== true; next = await body.next()) {
    text += Buffer.from(next.value).toString();
  }
  const ids = text.split('\n').filter((line) => line.startsWith('id: '));
  t.deepEqual(
    ids,
    documents.slice(2).map((_, index) => `id: ${index + 2}`),
  );
  t.true(text.split('event: complete').length === 2 && text.endsWith('\n\n'));
  t.is(source.reads.length, 0);
  t.is(source.listeners.size, 0);
});

test('blocks reported one by one in one turn are sent together', async (t) => {
  const documents = sealedChain(6);
  const source = new MemorySource(documents.slice(0, 2));
  const controller = new AbortController();
  const body = await bodyOf(endpointOf(source), 'from_height=2&follow=true', controller.signal);
  await body.next();
  const pending = body.next();
  await setImmediate();
  for (const document of documents.slice(2)) source.extend([document]);
  t.is(
    Buffer.from(valueOf(await pending))
      .toString()
      .split('event: block').length,
    5,
  );
  controller.abort();
  t.true((await body.next()).done);
  t.is(source.listeners.size, 0);
});
