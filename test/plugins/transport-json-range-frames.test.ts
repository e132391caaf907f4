import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { FRAMES_TYPE, FrameSplitter } from '../../plugins/transport-json-range/frame-splitter.js';
import { gzip } from '../../plugins/codec-gzip/index.js';
import type { BlockHeader, Frame } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createSyncEngine } from '../../src/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import {
  describe,
  fetchAll,
  get,
  refAt,
  run,
  serveRanges,
  streamRequest,
  transport,
} from './transport-json-range-support.js';

const documents = sealedChain(60, (height) => ({ text: `block ${height} `.repeat(300) }));
const codec = gzip().create();
/** As an engine gives it. */
const describeFrame = (bytes: Uint8Array, id = 'identity'): BlockHeader =>
  describe(id === 'gzip' ? codec.decode(bytes, { maxOutputBytes: 2 ** 20 }) : bytes);

test('frames come as the store holds them, in a form of their own', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await serveRanges(t, source);
  const path = '/sync/json?from=10&to=39';
  const answer = await get(origin, `${path}&frames=gzip`, { 'accept-encoding': 'gzip' });
  t.is(answer.status, 200);
  t.is(answer.headers['content-type'], `${FRAMES_TYPE}; codec=gzip`);
  t.is(answer.headers['content-encoding'], undefined, 'they are encoded one by one');
  t.deepEqual(split(answer.raw), source.frames.slice(10, 40).map(bytesOf));
  const json = await get(origin, path);
  t.not(answer.headers['etag'], json.headers['etag']);
  const again = await get(origin, `${path}&frames=gzip`, { 'if-none-match': String(answer.headers['etag']) });
  t.is(again.status, 304);
});

test('documents as frames are encoded as a whole', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const answer = await get(origin, '/sync/json?from=0&to=59&frames=identity', { 'accept-encoding': 'gzip' });
  t.is(answer.headers['content-encoding'], 'gzip');
  t.deepEqual(
    split(gunzipSync(answer.raw)),
    documents.map((each) => Buffer.from(each)),
  );
});

test('frames that are held in another codec are encoded anew, and a codec that is not there is refused', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents, { codec: 'identity' }));
  const answer = await get(origin, '/sync/json?from=0&to=9&frames=gzip');
  t.deepEqual(
    split(answer.raw).map((frame) => gunzipSync(frame)),
    documents.slice(0, 10).map((each) => Buffer.from(each)),
  );
  const refused = await get(origin, '/sync/json?from=0&to=9&frames=lzw');
  t.is(refused.status, 400);
  t.like(JSON.parse(refused.body), { code: 'CODEC_UNAVAILABLE' });
});

test('a body that fails in the middle is cut', async (t) => {
  const source = new MemorySource(documents, { batch: 10 });
  source.failAt = 50;
  const { origin } = await serveRanges(t, source);
  await t.throwsAsync(get(origin, '/sync/json?from=0&to=59&frames=identity'));
});

test('a client takes the codec that the peer holds its blocks in, and documents from a peer without frames', async (t) => {
  const source = new MemorySource(documents);
  const asked = async (frames: readonly string[] | undefined, storedAs: string | null): Promise<unknown> => {
    const codecs = { stream: [], json: ['gzip', 'identity'], snapshot: [], frames };
    const status = {
      protocol: 1,
      chain: 'sealed-json',
      base: 0,
      head: refAt(documents, 59),
      codecs,
      storedAs,
    };
    const { peer, targets } = await serveRanges(t, source, {
      wrap: (handler) => (request, response) => {
        if (request.url === '/sync/status') response.end(JSON.stringify(status));
        else handler(request, response);
      },
    });
    const more = { acceptCodecs: ['gzip', 'identity'], describe: describeFrame };
    t.is((await fetchAll(peer, more, { firstRangeBlocks: 60 })).error, null);
    const [first = ''] = targets.filter((target) => target.startsWith('/sync/json'));
    return new URL(first, peer.url).searchParams.get('frames');
  };
  t.is(await asked(['identity', 'gzip'], 'identity'), 'identity');
  t.is(await asked(['identity', 'gzip'], null), 'gzip');
  t.is(await asked(['bzip2'], 'bzip2'), null);
  t.is(await asked(undefined, 'gzip'), null);
});

test('what was cut is asked for behind the last frame that came whole, by its hash', async (t) => {
  const source = new MemorySource(documents);
  let isCut = false;
  const { peer, targets } = await serveRanges(t, source, {
    wrap: (handler) => (request, response) => {
      if (isCut || !(request.url ?? '').startsWith('/sync/json')) {
        handler(request, response);
        return;
      }
      isCut = true;
      const body = joined(source.frames.slice(0, 6));
      response.writeHead(200, { 'content-type': `${FRAMES_TYPE}; codec=gzip` });
      response.write(body.subarray(0, body.length - 3), () => response.destroy());
    },
  });
  const request = { ...streamRequest(peer), acceptCodecs: ['gzip'], describe: describeFrame };
  const { items, error } = await run(transport().open(request, { signal: new AbortController().signal }));
  t.is(error, null);
  const frames = items.flatMap((item) => (item.kind === 'frame' ? [item] : []));
  t.deepEqual(
    frames.map(({ bytes }) => Buffer.from(bytes)),
    source.frames.map(bytesOf),
  );
  t.true(frames.every((frame) => frame.codec === 'gzip'));
  const hash = refAt(documents, 4).hash;
  t.true(targets.some((target) => target.includes(`from=5&`) && target.includes(`parent_hash=${hash}`)));
});

test('a node that syncs by ranges stores the bytes that its peer holds', async (t) => {
  const large = sealedChain(40, (height) => ({ text: `block ${height} `.repeat(300) }));
  // No level that a node takes by itself: what was encoded anew would differ.
  const source = Object.assign(new MemorySource(large), { storedAs: () => 'gzip' });
  for (const [height, document] of large.entries()) {
    const frame = source.frames[height] as Frame;
    source.frames[height] = { ...frame, bytes: gzipSync(document, { level: 1 }) };
  }
  const engine = createSyncEngine({
    peers: [await serveSource(t, source)],
    storage: { use: 'memory' },
    mode: 'json',
  });
  t.teardown(() => engine.close());
  const chain = engine.opened();
  await engine.start();
  const held: Buffer[] = [];
  for await (const frames of (await chain).read({ from: 0, to: 39 })) held.push(...frames.map(bytesOf));
  t.deepEqual(held, source.frames.map(bytesOf));
});

test('a frame that is no block of the chain is refused by its peer’s name', async (t) => {
  const source = new MemorySource(documents);
  const wrong = Buffer.from(documents[7] ?? []);
  wrong.writeUInt8(wrong.readUInt8(300) ^ 1, 300);
  source.frames[7] = { ...(source.frames[7] as Frame), bytes: gzipSync(wrong) };
  const url = await serveSource(t, source);
  const engine = createSyncEngine({
    peers: [url],
    storage: { use: 'memory' },
    mode: 'json',
    retry: { maxAttempts: 1 },
  });
  t.teardown(() => engine.close());
  const error = await t.throwsAsync(engine.start());
  t.true(isSyncError(error, 'HASH_MISMATCH') && error.context.height === 7);
});

test('frames come whole however the body is cut, and in one piece where they can', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 20 }),
      (frames, cuts) => {
        const body = Buffer.concat(frames.flatMap((frame) => [lengthOf(frame.length), frame]));
        const splitter = new FrameSplitter({ maxFrameBytes: 3000, heightOf: (index) => index });
        const found: Buffer[] = [];
        for (let at = 0, i = 0; at < body.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          splitter.push(body.subarray(at, end), (frame) => found.push(Buffer.from(frame)));
          at = end;
        }
        splitter.end();
        t.deepEqual(
          found,
          frames.map((frame) => Buffer.from(frame)),
        );
      },
    ),
  );
});

test('a frame above the limit and a body that ends in the middle name the block', (t) => {
  const splitter = (): FrameSplitter =>
    new FrameSplitter({ maxFrameBytes: 10, heightOf: (index) => 100 + index });
  const large = splitter();
  large.push(Buffer.concat([lengthOf(2), Buffer.from('ab')]), () => undefined);
  t.like(
    t.throws(() => {
      large.push(lengthOf(11), () => undefined);
    }),
    { code: 'EVENT_TOO_LARGE', context: { height: 101 } },
  );
  for (const bytes of [Buffer.from([0]), Buffer.concat([lengthOf(2), Buffer.from('a')]), lengthOf(2)]) {
    const cut = splitter();
    cut.push(bytes, () => t.fail());
    t.like(
      t.throws(() => {
        cut.end();
      }),
      { code: 'STREAM_TRUNCATED', context: { height: 100 } },
    );
  }
});

const bytesOf = ({ bytes }: Pick<Frame, 'bytes'>): Buffer => Buffer.from(bytes);

function lengthOf(bytes: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes);
  return head;
}

function joined(frames: readonly Frame[]): Buffer {
  return Buffer.concat(frames.flatMap(({ bytes }) => [lengthOf(bytes.length), bytes]));
}

/** Written without the splitter under test. */
function split(body: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 4 + body.readUInt32BE(at);
    frames.push(body.subarray(at + 4, end));
    at = end;
  }
  return frames;
}
