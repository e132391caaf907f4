import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { SharedEvents } from '../../plugins/transport-sse/server/shared-events.js';
import { sseEndpoint } from '../../plugins/transport-sse/index.js';
import type {
  AbortOptions,
  BlockRange,
  BlockSource,
  CodecPlugin,
  Endpoint,
  Frame,
} from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { Deferred } from '../../src/internal/deferred.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';
import { bodyOf } from './sse-endpoint-support.js';

const documents = sealedChain(300);

/** Blocks of another branch above a height, up to 99. */
const branchAbove = (height: number): readonly Uint8Array[] =>
  sealedChain(100, (h) => (h <= height ? smallPayload(h) : { ...smallPayload(h), branch: 'b' })).slice(
    height + 1,
  );

/** gzip that counts what it encodes. */
function counting(): { readonly plugin: CodecPlugin; readonly count: () => number } {
  const plugin = gzip();
  let count = 0;
  const create: CodecPlugin['create'] = () => {
    const codec = plugin.create();
    const encode = (document: Uint8Array): Uint8Array => {
      count += 1;
      return codec.encode(document);
    };
    return { ...codec, encode };
  };
  return { plugin: { ...plugin, create }, count: () => count };
}

function endpointWith(source: BlockSource, plugin: CodecPlugin): Endpoint {
  const codecs = codecRegistry([plugin, identity()]);
  const workers = inThreadWorkers(codecs);
  const limits = DEFAULT_SERVER_LIMITS;
  return sseEndpoint({ recentBytes: 0 }).create({ source, codecs, limits, cache: 'private', workers });
}

async function textOf(endpoint: Endpoint, query: string): Promise<string> {
  const body = await bodyOf(endpoint, query, new AbortController().signal);
  return Buffer.concat(await collect(body)).toString();
}

/** The chunks of a stream of documents, as they are sent to a client that accepts an encoding. */
async function chunksOf(endpoint: Endpoint, encoding: string | null): Promise<readonly Uint8Array[]> {
  const request = {
    method: 'GET',
    path: '/stream',
    query: new URLSearchParams('codec=identity'),
    header: (name: string) => (name === 'accept-encoding' ? encoding : null),
  };
  const { body } = await endpoint.handle(request, { signal: new AbortController().signal });
  return collect((body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]());
}

async function collect(body: AsyncIterator<Uint8Array>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let next = await body.next(); next.done !== true; next = await body.next()) chunks.push(next.value);
  return chunks;
}

test('a block that the store has in another codec is encoded once for streams that read it at the same time', async (t) => {
  const { plugin, count } = counting();
  const endpoint = endpointWith(new MemorySource(documents, { codec: 'identity' }), plugin);
  const texts = await Promise.all(Array.from({ length: 5 }, () => textOf(endpoint, 'codec=gzip')));
  t.is(new Set(texts).size, 1);
  t.is(texts[0]?.split('event: block').length, 301);
  t.is(count(), 300);
  // Nothing is held while no stream is open.
  t.true(texts.includes(await textOf(endpoint, 'codec=gzip')));
  t.is(count(), 600);
});

test('the event of a block that had to be decoded is one piece of memory for all streams, and is compressed once', async (t) => {
  const large = sealedChain(6, (height) => ({ text: `${height} `.repeat(40_000) }));
  for (const encoding of [null, 'gzip']) {
    const endpoint = endpointWith(new MemorySource(large), gzip());
    const [one = [], two = []] = await Promise.all([1, 2].map(() => chunksOf(endpoint, encoding)));
    t.is(one.length, two.length);
    // Not the first, which has the header of gzip in it.
    t.is(one.filter((chunk, at) => at > 0 && at < 6 && chunk === two[at]).length, 5);
    const text = encoding === null ? Buffer.concat(one) : gunzipSync(Buffer.concat(one));
    t.is(
      text
        .toString()
        .match(/^data: {"hash":.*$/gm)
        ?.join('\n'),
      large.map((each) => `data: ${Buffer.from(each).toString()}`).join('\n'),
    );
  }
});

test('a block that takes the place of one that was rolled back is encoded anew', async (t) => {
  const { plugin, count } = counting();
  const source = new MemorySource(documents.slice(0, 100), { codec: 'identity' });
  const endpoint = endpointWith(source, plugin);
  const controller = new AbortController();
  const body = await bodyOf(endpoint, 'codec=gzip&follow=true', controller.signal);
  let text = '';
  while (!text.includes('event: complete'))
    text += Buffer.from((await body.next()).value as Uint8Array).toString();
  t.is(count(), 100);
  const branch = branchAbove(89);
  source.rollback(89);
  source.extend(branch);
  const sent = (await textOf(endpoint, 'codec=gzip&from_height=90')).matchAll(/^data: ([^{].*)$/gm);
  const received = Array.from(sent, (match) => gunzipSync(Buffer.from(match[1] ?? '', 'base64')));
  t.deepEqual(
    received,
    branch.map((document) => Buffer.from(document)),
  );
  controller.abort();
  await body.return?.();
});

test('what is held is bounded in bytes, what was made first goes first, and another block of the height is no match', (t) => {
  const shared = new SharedEvents(10_000);
  const header = (height: number, hash = `h${height}`) => ({
    height,
    hash,
    previousHash: '',
    timestamp: null,
  });
  for (let height = 0; height < 20; height++) {
    shared.add(header(height), new Uint8Array(1000).fill(height));
    t.true(shared.bytes <= 10_000);
  }
  t.is(shared.get(header(13)), null);
  t.deepEqual(shared.get(header(14)), new Uint8Array(1000).fill(14));
  t.is(shared.get(header(19, 'other')), null);
  shared.add(header(19, 'other'), new Uint8Array(10));
  t.is(shared.get(header(19)), null);
  t.is(shared.get(header(19, 'other'))?.length, 10);
  shared.clear();
  t.is(shared.bytes, 0);
  t.is(shared.get(header(14)), null);
});

/** A source that counts its open reads, and can hold them up. */
class HeldSource extends MemorySource {
  open = 0;
  readonly signals: (AbortSignal | undefined)[] = [];
  gate: Promise<void> = Promise.resolve();

  override async *read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    this.open += 1;
    this.signals.push(options?.signal);
    try {
      for await (const frames of super.read(range, options)) {
        await this.gate;
        yield frames;
      }
    } finally {
      this.open -= 1;
    }
  }
}

test('the read of a stream is called off when its client goes away, and no other', async (t) => {
  const source = new HeldSource(documents);
  const gate = new Deferred<undefined>();
  source.gate = gate.promise.then(() => undefined);
  const endpoint = endpointWith(source, gzip());
  const controllers = [new AbortController(), new AbortController()];
  const [one, two] = await Promise.all(controllers.map(({ signal }) => bodyOf(endpoint, '', signal)));
  const pending = [one, two].map((body) => body?.next());
  await until(() => source.open === 2);
  controllers[0]?.abort();
  t.true((await pending[0])?.done);
  t.deepEqual(
    source.signals.map((signal) => signal?.aborted),
    [true, false],
  );
  gate.resolve(undefined);
  await until(() => source.open === 1);
  t.false((await pending[1])?.done);
  controllers[1]?.abort();
  t.true((await two?.next())?.done);
  await until(() => source.open === 0);
  t.is(source.listeners.size, 0);
});
