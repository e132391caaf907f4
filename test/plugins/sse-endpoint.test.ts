import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import type { CodecPlugin, EndpointResponse, ServerLimits } from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { isSyncError } from '../../src/errors/index.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain, smallPayload } from '../helpers/sealed-chain.js';

interface Ask {
  readonly query?: string;
  readonly lastEventId?: string;
  readonly method?: string;
  readonly limits?: Partial<ServerLimits>;
  readonly codecs?: readonly CodecPlugin[];
  readonly recentBytes?: number;
  readonly onError?: (error: unknown) => void;
}

const documents = sealedChain(30);
const refs = documents.map((document, height) => ({
  height,
  hash: (JSON.parse(Buffer.from(document).toString()) as { hash: string }).hash,
}));

interface Asked {
  readonly response: EndpointResponse;
  readonly controller: AbortController;
}

async function ask(source: MemorySource, options: Ask = {}): Promise<Asked> {
  const codecs = codecRegistry(options.codecs ?? [gzip(), identity()]);
  const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const { recentBytes } = options;
  const plugin = sseEndpoint(recentBytes === undefined ? {} : { recentBytes });
  const workers = inThreadWorkers(codecs);
  const endpoint = plugin.create({ source, codecs, limits, cache: 'private', workers });
  const controller = new AbortController();
  const request = {
    method: options.method ?? 'GET',
    path: '/stream',
    query: new URLSearchParams(options.query ?? ''),
    header: (name: string) => (name === 'last-event-id' ? (options.lastEventId ?? null) : null),
  };
  const { signal } = controller;
  const handed = options.onError === undefined ? { signal } : { signal, onError: options.onError };
  return { response: await endpoint.handle(request, handed), controller };
}

interface Event {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
}

function parse(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((part) => part !== '' && !part.startsWith(':'))
    .map((part) => {
      const fields = new Map(part.split('\n').map((line) => split(line)));
      return {
        event: fields.get('event') ?? '',
        id: fields.get('id') ?? null,
        data: fields.get('data') ?? '',
      };
    });
}

function split(line: string): [string, string] {
  const colon = line.indexOf(': ');
  return [line.slice(0, colon), line.slice(colon + 2)];
}

/** All events of a stream that ends. */
async function eventsOf(source: MemorySource, options: Ask = {}): Promise<Event[]> {
  const { response } = await ask(source, options);
  return parse((await chunksOf(response)).map((chunk) => Buffer.from(chunk).toString()).join(''));
}

async function chunksOf(response: EndpointResponse): Promise<Uint8Array[]> {
  const { body } = response;
  if (body === null || body instanceof Uint8Array) throw new TypeError('The body is no stream.');
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

const describe = (events: readonly Event[]): string[] =>
  events.map(({ event, id, data }) => (event === 'block' ? String(id) : `${event} ${data}`));
const complete = (height: number): string => `complete ${JSON.stringify(refs[height])}`;
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

/** Another branch above a height. */
function branch(height: number, count: number): Uint8Array[] {
  const other = sealedChain(height + 1 + count, (h) =>
    h <= height ? smallPayload(h) : { branch: 'b', ...smallPayload(h) },
  );
  return other.slice(height + 1);
}

/** Reads a stream that stays open, event by event. */
function live(response: EndpointResponse): {
  next(): Promise<Event | null>;
  return(): Promise<unknown>;
} {
  const iterator = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const ready: Event[] = [];
  return {
    async next() {
      while (ready.length === 0) {
        const { done, value } = (await iterator.next()) as IteratorResult<Uint8Array, undefined>;
        if (done === true) return null;
        ready.push(...parse(Buffer.from(value).toString()));
      }
      return ready.shift() ?? null;
    },
    return: async () => iterator.return?.(),
  };
}

const fails = async (source: MemorySource, options: Ask) => {
  const error: unknown = await ask(source, options).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isSyncError(error)) throw new Error('No SyncError came.');
  return error;
};

test('stored bytes go out as they are and decode to the documents', async (t) => {
  const source = new MemorySource(documents);
  const { response } = await ask(source);
  t.deepEqual(response.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  const text = Buffer.concat(await chunksOf(response)).toString();
  t.false(text.includes('\r'));
  const blocks = parse(text).filter(({ event }) => event === 'block');
  t.deepEqual(
    blocks.map(({ data }) => Buffer.from(data, 'base64')),
    source.frames.map(({ bytes }) => Buffer.from(bytes)),
  );
  t.deepEqual(
    blocks.map(({ data }) => gunzipSync(Buffer.from(data, 'base64'))),
    documents.map((document) => Buffer.from(document)),
  );
});

test('identity sends the documents themselves, whatever they are stored in', async (t) => {
  for (const codec of ['gzip', 'identity'] as const) {
    const events = await eventsOf(new MemorySource(documents, { codec }), { query: 'codec=identity' });
    t.deepEqual(
      events.slice(0, -1).map(({ data }) => data),
      documents.map((document) => Buffer.from(document).toString()),
    );
  }
});

test('frames of another codec are transcoded to the one that was asked for', async (t) => {
  const events = await eventsOf(new MemorySource(documents, { codec: 'identity' }), { query: 'codec=gzip' });
  t.deepEqual(
    events.slice(0, -1).map(({ data }) => gunzipSync(Buffer.from(data, 'base64'))),
    documents.map((document) => Buffer.from(document)),
  );
});

test('base64 that goes over several chunks is the same as in one piece', async (t) => {
  const [big] = sealedChain(1, () => ({ text: 'é'.repeat(200_001) }));
  const source = new MemorySource([big as Uint8Array], { codec: 'identity' });
  const backwards: CodecPlugin = {
    kind: 'codec',
    name: 'backwards',
    apiVersion: 1,
    create: () => ({
      ...identity().create(),
      id: 'backwards',
      encode: (document) => Uint8Array.from(document).reverse(),
    }),
  };
  const { response } = await ask(source, {
    query: 'codec=backwards',
    codecs: [gzip(), identity(), backwards],
  });
  const chunks = await chunksOf(response);
  t.true(chunks.length > 5);
  t.true(chunks.every((chunk) => chunk.length <= 64 * 1024));
  const [block] = parse(Buffer.concat(chunks).toString());
  t.is(
    block?.data,
    Buffer.from(big as Uint8Array)
      .reverse()
      .toString('base64'),
  );
});

test('short events share a chunk', async (t) => {
  const { response } = await ask(new MemorySource(documents));
  t.is((await chunksOf(response)).length, 2);
});

test('the range can be cut at both ends', async (t) => {
  const source = new MemorySource(documents);
  t.deepEqual(describe(await eventsOf(source)), [...numbers(0, 29), complete(29)]);
  t.deepEqual(describe(await eventsOf(source, { query: 'from_height=28' })), ['28', '29', complete(29)]);
  const some = { query: 'from_height=3&to_height=5' };
  t.deepEqual(describe(await eventsOf(source, some)), ['3', '4', '5', complete(29)]);
  const one = { query: 'from_height=5&to_height=5&follow=true' };
  t.deepEqual(describe(await eventsOf(source, one)), ['5', complete(29)]);
});

test('above the head there is only the head', async (t) => {
  const source = new MemorySource(documents);
  for (const from of ['30', '31', '9007199254740991']) {
    t.deepEqual(describe(await eventsOf(source, { query: `from_height=${from}` })), [complete(29)]);
  }
  const ahead = { query: `from_height=1000&follow=true&parent_hash=${'a'.repeat(64)}` };
  t.deepEqual(describe(await eventsOf(source, ahead)), [complete(29)]);
});

test('an empty chain is complete', async (t) => {
  const events = await eventsOf(new MemorySource());
  t.deepEqual(describe(events), ['complete {"height":null,"hash":null}']);
});

test('Last-Event-ID wins over from_height, and the empty one counts as none', async (t) => {
  const source = new MemorySource(documents);
  const resumed = await eventsOf(source, { query: 'from_height=0', lastEventId: '27' });
  t.deepEqual(describe(resumed), ['28', '29', complete(29)]);
  const fresh = await eventsOf(source, { query: 'from_height=28', lastEventId: '' });
  t.deepEqual(describe(fresh), ['28', '29', complete(29)]);
  t.is((await fails(source, { lastEventId: 'x' })).code, 'BAD_REQUEST');
});

test('a browser that resumes may repeat the parent_hash of the URL it began with', async (t) => {
  const source = new MemorySource(documents);
  const began = `from_height=10&parent_hash=${refs[9]?.hash ?? ''}`;
  t.deepEqual(describe(await eventsOf(source, { query: began, lastEventId: '27' })), [
    '28',
    '29',
    complete(29),
  ]);
  const now = `from_height=10&parent_hash=${refs[27]?.hash ?? ''}`;
  t.deepEqual(describe(await eventsOf(source, { query: now, lastEventId: '27' })), [
    '28',
    '29',
    complete(29),
  ]);
  const other = `from_height=10&parent_hash=${refs[5]?.hash ?? ''}`;
  t.is((await fails(source, { query: other, lastEventId: '27' })).code, 'FORKED');
});

test('a client that has had everything is told to stop', async (t) => {
  const source = new MemorySource(documents);
  const status = async (options: Ask) => (await ask(source, options)).response.status;
  t.is(await status({ lastEventId: '29' }), 204);
  t.is(await status({ lastEventId: '9007199254740991' }), 204);
  t.is(await status({ lastEventId: '28' }), 200);
  t.is(await status({ lastEventId: '29', query: 'follow=true' }), 200);
  t.is(await status({ lastEventId: '5', query: 'follow=true&to_height=5' }), 204);
  t.is((await ask(new MemorySource(), { lastEventId: '3' })).response.status, 204);
});

test('a bad parameter is named and not repeated', async (t) => {
  const source = new MemorySource(documents);
  const bad = {
    from_height: [
      'from_height=',
      'from_height=-1',
      'from_height=1&from_height=1',
      'from_height[]=1',
      'from_height[a]=1',
    ],
    to_height: ['to_height=1e3', 'from_height=2&to_height=1'],
    follow: ['follow=1', 'follow=', 'follow=TRUE'],
    parent_hash: ['parent_hash=', 'parent_hash=a%0D%0Aid: 9', `parent_hash=${'a'.repeat(257)}`],
    codec: ['codec=', 'codec=gzip&codec=gzip'],
  };
  for (const [name, queries] of Object.entries(bad)) {
    for (const query of queries) {
      const { code, message } = await fails(source, { query });
      t.is(code, 'BAD_REQUEST', query);
      t.true(message.includes(`\`${name}\``), query);
    }
  }
  const unknown = await fails(source, { query: 'codec=zz%0Atop' });
  t.is(unknown.code, 'CODEC_UNAVAILABLE');
  t.false(unknown.message.includes('zz'));
  t.is((await ask(source, { query: 'unknown[]=1&unknown[]=2' })).response.status, 200);
});

test('below the base the base is named', async (t) => {
  const source = new MemorySource(documents, { base: 10 });
  const { code, context } = await fails(source, { query: 'from_height=9' });
  t.is(code, 'BELOW_BASE');
  t.is(context.base, 10);
  t.deepEqual(describe(await eventsOf(source, { query: 'from_height=10&to_height=11' })), [
    '10',
    '11',
    complete(29),
  ]);
});

test('a parent on the chain is accepted, at the base and at the head too', async (t) => {
  const source = new MemorySource(documents, { base: 10 });
  for (const from of [10, 11, 29, 30]) {
    const query = `from_height=${from}&parent_hash=${refs[from - 1]?.hash ?? ''}`;
    t.is((await ask(source, { query })).response.status, 200);
  }
});

test('a parent of another branch is answered with ancestors at growing gaps down to the base', async (t) => {
  const parent = `parent_hash=${'0'.repeat(64)}`;
  const source = new MemorySource(documents);
  const { code, context } = await fails(source, { query: `from_height=26&${parent}` });
  t.is(code, 'FORKED');
  t.deepEqual(context.ancestors, [25, 24, 22, 18, 10, 0].map((height) => refs[height]) as typeof refs);
  const based = await fails(new MemorySource(documents, { base: 20 }), { query: `from_height=30&${parent}` });
  t.deepEqual(based.context.ancestors, [29, 28, 26, 22, 20].map((height) => refs[height]) as typeof refs);
});

test('HEAD answers with the headers only', async (t) => {
  const { response } = await ask(new MemorySource(documents), { method: 'HEAD' });
  t.is(response.status, 200);
  t.is(response.body, null);
});

test('a block above the limit is an error event after all blocks before it', async (t) => {
  const chain = sealedChain(4, (height) => ({ text: 'x'.repeat(height === 2 ? 5000 : 10) }));
  const events = await eventsOf(new MemorySource(chain), { limits: { maxBlockBytes: 2000 } });
  t.deepEqual(describe(events).slice(0, 2), ['0', '1']);
  t.is(events.length, 3);
  t.is(events[2]?.event, 'error');
  t.is((JSON.parse(events[2]?.data ?? '') as { code: string }).code, 'BLOCK_TOO_LARGE');
});

test('a failing store is an error event without its message, and the operator is told', async (t) => {
  const source = new MemorySource(documents, { batch: 10 });
  source.failAt = 15;
  const told: unknown[] = [];
  const events = await eventsOf(source, { onError: (error) => told.push(error) });
  t.deepEqual(describe(events), [...numbers(0, 9), 'error {"error":"The server failed.","code":"INTERNAL"}']);
  t.true((told[0] as Error).message.includes('/secret/path'));
});

test('a block that the source leaves out is an error, never a gap', async (t) => {
  const source = new MemorySource(documents);
  source.frames = source.frames.map((frame, height) => (height === 5 ? (source.frames[6] ?? frame) : frame));
  const events = await eventsOf(source);
  t.deepEqual(describe(events).slice(0, 5), numbers(0, 4));
  t.is((JSON.parse(events[5]?.data ?? '') as { code: string }).code, 'PEER_DAMAGED');
});

test('an unencoded document with a line break in it never reaches the stream', async (t) => {
  const source = new MemorySource(documents.slice(0, 2), { codec: 'identity' });
  const bytes = Buffer.from('{"a":1}\n\nevent: complete\ndata: {}\n\n');
  source.frames[1] = { ...(source.frames[1] as (typeof source.frames)[0]), bytes };
  const events = await eventsOf(source, { query: 'codec=identity' });
  t.deepEqual(describe(events), [
    '0',
    'error {"error":"Block 1 has a line break in it.","code":"BLOCK_MALFORMED"}',
  ]);
});

test('a following client gets the history, complete once, and then what comes', async (t) => {
  const source = new MemorySource(documents.slice(0, 3));
  const { response, controller } = await ask(source, { query: 'from_height=1&follow=true' });
  const stream = live(response);
  const seen: (Event | null)[] = [await stream.next(), await stream.next(), await stream.next()];
  source.extend(documents.slice(3, 4));
  seen.push(await stream.next());
  source.extend(documents.slice(4, 6));
  seen.push(await stream.next(), await stream.next());
  t.deepEqual(describe(seen as Event[]), ['1', '2', complete(2), '3', '4', '5']);
  t.is(source.listeners.size, 1);
  controller.abort();
  t.is(await stream.next(), null);
  t.is(source.listeners.size, 0);
});

test('a following client of an empty chain gets its first block', async (t) => {
  const source = new MemorySource();
  const { response, controller } = await ask(source, { query: 'follow=true' });
  const stream = live(response);
  const first = await stream.next();
  source.extend(documents.slice(0, 1));
  t.deepEqual(describe([first, await stream.next()] as Event[]), [
    'complete {"height":null,"hash":null}',
    '0',
  ]);
  controller.abort();
  await stream.return();
});

test('a rollback voids what a following client has, and the new branch follows', async (t) => {
  const source = new MemorySource(documents.slice(0, 6));
  const { response, controller } = await ask(source, { query: 'from_height=4&follow=true' });
  const stream = live(response);
  const seen = [await stream.next(), await stream.next(), await stream.next()];
  source.rollback(4);
  source.rollback(3);
  source.extend(branch(3, 3));
  for (let count = 0; count < 4; count++) seen.push(await stream.next());
  t.deepEqual(describe(seen as Event[]), [
    '4',
    '5',
    complete(5),
    `rollback ${JSON.stringify(refs[3])}`,
    '4',
    '5',
    '6',
  ]);
  t.is(seen[3]?.id, '3');
  t.is(
    seen[6]?.data,
    source.frames[6] === undefined ? '' : Buffer.from(source.frames[6].bytes).toString('base64'),
  );
  controller.abort();
  await stream.return();
});

test('a branch that is seen before its rollback is reported waits for the report', async (t) => {
  const source = new MemorySource(documents.slice(0, 6));
  const { response, controller } = await ask(source, { query: 'from_height=5&follow=true' });
  const stream = live(response);
  await stream.next();
  await stream.next();
  const listeners = [...source.listeners];
  source.listeners.clear();
  source.rollback(3);
  source.extend(branch(3, 4));
  for (const listener of listeners) listener({ kind: 'extend', frames: [] });
  const next = stream.next();
  await delay(50);
  const to = source.frames[3]?.header;
  if (to === undefined) throw new TypeError('There is no block 3.');
  for (const listener of listeners) listener({ kind: 'rollback', to });
  t.deepEqual(describe([(await next) as Event]), [`rollback ${JSON.stringify(refs[3])}`]);
  t.deepEqual(describe([(await stream.next()) as Event]), ['4']);
  controller.abort();
  await stream.return();
});

test('a client that does not follow is told when blocks it was sent are replaced', async (t) => {
  const source = new MemorySource(documents, { batch: 5 });
  const { response } = await ask(source, { query: 'from_height=0' });
  const stream = live(response);
  const seen = [await stream.next()];
  source.rollback(2);
  source.extend(branch(2, 20));
  for (let event = await stream.next(); event !== null; event = await stream.next()) seen.push(event);
  t.deepEqual(describe(seen as Event[]).slice(0, 5), numbers(0, 4));
  t.is((JSON.parse(seen.at(-1)?.data ?? '') as { code: string }).code, 'FORKED');
});

test('changes that a slow client has not read cost no memory: it reads them from the source', async (t) => {
  const source = new MemorySource(documents.slice(0, 1));
  const { response, controller } = await ask(source, { query: 'follow=true', recentBytes: 0 });
  const stream = live(response);
  await stream.next();
  await stream.next();
  for (const document of documents.slice(1)) source.extend([document]);
  t.is(source.reads.length, 1);
  const seen: (Event | null)[] = [];
  while (seen.length < 29) seen.push(await stream.next());
  t.deepEqual(describe(seen as Event[]), numbers(1, 29));
  t.deepEqual(source.reads[1], { from: 1, to: 29 });
  controller.abort();
  await stream.return();
});

test('a stream that is followed begins with a comment, and silence is broken by one', async (t) => {
  const source = new MemorySource(documents.slice(0, 1));
  const { response, controller } = await ask(source, {
    query: 'follow=true&from_height=1',
    limits: { heartbeatMs: 20 },
  });
  const iterator = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const texts: string[] = [];
  while (texts.length < 4) texts.push(Buffer.from((await iterator.next()).value as Uint8Array).toString());
  t.deepEqual([texts[0], ...texts.slice(2)], [':\n\n', ':\n\n', ':\n\n']);
  controller.abort();
  await iterator.return?.();
  t.is(source.listeners.size, 0);
});
