import { deepEqual, equal } from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import type { Endpoint } from '../../src/contracts/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { bodyOf, endpointOf, hashes, TurningSource, View } from './sse-endpoint-support.js';

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

/** One of the streams that read at the same time. */
class Reader {
  readonly view: View;
  readonly #controller = new AbortController();
  readonly #body: AsyncIterator<Uint8Array>;
  #pulling: Promise<void> | null = null;

  private constructor(view: View, body: AsyncIterator<Uint8Array>, controller: AbortController) {
    this.view = view;
    this.#body = body;
    this.#controller = controller;
  }

  /** @param below - how far below the block after the head it begins. */
  static async join(source: TurningSource, endpoint: Endpoint, below: number): Promise<Reader> {
    const from = Math.max(0, source.frames.length - below);
    const view = new View(source, from);
    const controller = new AbortController();
    const parent = from === 0 ? '' : `&parent_hash=${view.hashes[from - 1] ?? ''}`;
    const query = `follow=true&codec=identity&from_height=${from}${parent}`;
    const reader = new Reader(view, await bodyOf(endpoint, query, controller.signal), controller);
    reader.pull();
    return reader;
  }

  pull(): void {
    this.#pulling ??= this.view.pull(this.#body).finally(() => (this.#pulling = null));
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await Promise.resolve(this.#pulling);
    await this.#body.return?.();
  }
}

/** Streams that join before, and some of them while the source changes. */
const joins = (max: number): fc.Arbitrary<{ readonly below: number; readonly at: number }[]> =>
  fc.array(fc.record({ below: fc.integer({ min: 0, max: 12 }), at: fc.integer({ min: 0, max: 12 }) }), {
    minLength: max,
    maxLength: max,
  });

interface Setting {
  readonly batch: number;
  readonly recentBytes: number;
  /** Blocks at first. */
  readonly count: number;
}

const setting: fc.Arbitrary<Setting> = fc.record({
  batch: fc.integer({ min: 1, max: 7 }),
  recentBytes: fc.constantFrom(0, 1500, 1 << 24),
  count: fc.constantFrom(12, 62, 70),
});

/** Lets streams read while a source changes, and gives them when they have had time for everything. */
async function readWhile(
  source: TurningSource,
  { recentBytes }: Setting,
  between: readonly Operation[],
  during: readonly Operation[],
  joining: readonly { readonly below: number; readonly at: number }[],
): Promise<readonly Reader[]> {
  const turns = [...during];
  source.onTurn = () => {
    const next = turns.shift();
    if (next !== undefined) apply(source, next);
  };
  const endpoint = endpointOf(source, { recentBytes });
  const readers: Reader[] = [];
  const join = async (at: number): Promise<void> => {
    for (const one of joining)
      if (one.at === at) readers.push(await Reader.join(source, endpoint, one.below));
  };
  for (const [at, next] of between.entries()) {
    await join(at);
    apply(source, next);
    for (let count = next.kind === 'pull' ? next.count : 0; count > 0; count--) {
      for (const reader of readers) reader.pull();
      await setImmediate();
    }
  }
  for (let at = between.length; at <= 12; at++) await join(at);
  source.onTurn = () => undefined;
  source.grow(1);
  source.report();
  const isBehind = ({ view }: Reader): boolean =>
    view.error === null && view.hashes.at(-1) !== hashes(source).at(-1);
  for (let tries = 0; tries < 200 && readers.some(isBehind); tries++) {
    for (const reader of readers) reader.pull();
    await setImmediate();
  }
  for (const reader of readers) await reader.close();
  return readers;
}

for (const [streams, numRuns] of [
  [1, 400],
  [2, 300],
  [4, 150],
] as const) {
  const who = streams === 1 ? 'a follower ends' : `${streams} followers end`;
  test(`whatever is appended and rolled back while it reads, ${who} with what the source has`, async (t) => {
    const all = fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 25 }),
        fc.array(operation, { maxLength: 12 }),
        joins(streams),
        setting,
        async (between, during, joining, chosen) => {
          const source = new TurningSource(chosen.count, chosen.batch);
          for (const { view } of await readWhile(source, chosen, between, during, joining)) {
            deepEqual({ error: view.error, hashes: view.hashes }, { error: null, hashes: hashes(source) });
          }
          equal(source.listeners.size, 0);
        },
      ),
      { numRuns },
    );
    await t.notThrowsAsync(all);
  });
}

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
  const body = await bodyOf(endpointOf(source, { recentBytes: 0 }), query, controller.signal);
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
