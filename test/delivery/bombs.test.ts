import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { jsonRangeTransport } from '../../plugins/transport-json-range/client/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { formatBlockEvent } from '../../plugins/transport-sse/server/format.js';
import { RecentBlocks } from '../../plugins/transport-sse/server/recent-blocks.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import type {
  Frame,
  StreamRequest,
  Transport,
  TransportDeps,
  TransportPlugin,
  WireItem,
} from '../../src/contracts/index.js';
import { ByteRope } from '../../src/internal/byte-rope.js';
import { openChain } from '../../src/index.js';
import { type Asked, askedFor, SLACK_BYTES } from '../helpers/bomb-server.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { codeOf } from '../plugins/snapshot-client-support.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const CONTROL_BYTES = 64 * KIB;
const { signal } = new AbortController();
const documents = sealedChain(20);

interface Taken {
  readonly items: WireItem[];
  readonly follow?: boolean;
}

/** Asks for blocks and keeps what comes. */
function asking(plugin: TransportPlugin, { items, follow = false }: Taken) {
  return async (deps: TransportDeps, peer: StreamRequest['peer']): Promise<void> => {
    const transport: Transport = plugin.create(deps);
    const request = {
      peer,
      after: null,
      from: 0,
      to: documents.length - 1,
      acceptCodecs: ['identity'],
      follow,
    };
    for await (const batch of transport.open(request, { signal })) items.push(...batch);
  };
}

const stream =
  (body: string, taken: Taken) =>
  (t: Parameters<typeof askedFor>[0]): Promise<Asked> =>
    askedFor(t, { type: 'text/event-stream', body: Buffer.from(body) }, asking(sseTransport(), taken));

test.serial('the data of an event that is no block is read no further than such an event goes', async (t) => {
  for (const type of ['complete', 'error', 'rollback']) {
    for (const data of [`data: {"a":"${'x'.repeat(8 * MIB)}`, 'data\n'.repeat(8 * MIB)]) {
      const follow = type === 'rollback';
      const { error, taken } = await stream(`event: ${type}\n${data}`, { items: [], follow })(t);
      t.is(codeOf(error), 'PROTOCOL_VIOLATION');
      // A line without data is five bytes for one.
      t.true(taken <= 5 * CONTROL_BYTES + SLACK_BYTES, `${type}: ${taken} bytes`);
    }
  }
});

/** Bytes of all the memory that some bytes keep. */
function kept(views: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const buffer of new Set(views.map((view) => view.buffer))) bytes += buffer.byteLength;
  return bytes;
}

const bytesOf = (items: readonly WireItem[]): Uint8Array[] =>
  items.flatMap((item) => (item.kind === 'frame' ? [item.bytes] : []));
const lengthOf = (views: readonly Uint8Array[]): number => views.reduce((sum, { length }) => sum + length, 0);

test.serial('blocks of a stream that is mostly comments keep no more memory than they have', async (t) => {
  const comment = `:${'x'.repeat(64 * KIB)}\n`;
  const events = documents.map(
    (document, height) => `event: block\nid: ${height}\ndata: ${Buffer.from(document).toString()}\n\n`,
  );
  const items: WireItem[] = [];
  await stream(events.join(comment) + comment, { items })(t);
  const blocks = bytesOf(items);
  t.deepEqual(
    blocks.map((block) => Buffer.from(block)),
    documents.map((each) => Buffer.from(each)),
  );
  t.true(kept(blocks) <= 2 * lengthOf(blocks), `${kept(blocks)} bytes for ${lengthOf(blocks)}`);
});

test.serial('blocks of a range that is mostly white space keep no more memory than they have', async (t) => {
  const texts = documents.map((document) => Buffer.from(document).toString());
  const body = Buffer.from(`[${texts.join(`,${' '.repeat(64 * KIB)}`)}]`);
  const items: WireItem[] = [];
  await askedFor(t, { body }, async (deps, peer) => {
    const fetch: TransportDeps['fetch'] = (url, init) =>
      url.pathname.endsWith('/status')
        ? Promise.resolve({ status: 404, headers: { get: () => null }, body: null })
        : deps.fetch(url, init);
    await asking(jsonRangeTransport({ firstRangeBlocks: 1000 }), { items })({ ...deps, fetch }, peer);
  });
  const blocks = bytesOf(items);
  t.is(blocks.length, documents.length);
  t.true(kept(blocks) <= 2 * lengthOf(blocks), `${kept(blocks)} bytes for ${lengthOf(blocks)}`);
});

test('an event that is gathered from small parts of large reads does not keep the reads', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const rope = new ByteRope();
  const reads = Array.from({ length: 500 }, () => {
    const read = new Uint8Array(64 * KIB);
    rope.append(read.subarray(0, 1100));
    return new WeakRef(read.buffer);
  });
  // What was looked at in this turn is kept until its end.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const held = reads.filter((read) => read.deref() !== undefined).length;
  t.true(held <= 10, `${held} reads`);
  t.is(rope.take().length, 500 * 1100);
});

/** A frame as a store reads it: a view of what it was read in. */
function viewFrame(height: number): Frame {
  const document = documents[height] ?? new Uint8Array();
  const read = new Uint8Array(MIB);
  read.set(document, 100);
  const header = { height, hash: `h${height}`, previousHash: `h${height - 1}`, timestamp: null };
  const bytes = read.subarray(100, 100 + document.length);
  return { header, codec: 'identity', bytes, documentBytes: bytes.length };
}

test('the newest events of a server keep their own bytes, not those that they were cut from', (t) => {
  const formatted: Frame[] = [];
  const recent = new RecentBlocks((frame) => {
    formatted.push(frame);
    return formatBlockEvent(frame);
  }, MIB);
  recent.change({ kind: 'extend', frames: documents.map((_, height) => viewFrame(height)) });
  for (const height of documents.keys()) {
    const events = recent.after({ height: height - 1, hash: null }, height);
    t.is(events?.bytes.buffer.byteLength, events?.bytes.length);
  }
  const frames = formatted.map(({ bytes }) => bytes);
  t.is(kept(frames), lengthOf(frames));
});

test('a store in memory keeps its blocks, not what they were cut from', async (t) => {
  const store = memoryStorage().create();
  await store.open();
  const blocks = documents.map((_, height) => ({ frame: viewFrame(height), changes: [] }));
  const identity = { chain: 'c', chainId: 'c' };
  await store.commit({ rollbackTo: null, blocks, identity, confirmed: null, finalized: null });
  const frames: Uint8Array[] = [];
  for await (const batch of store.read({ from: 0, to: 99 })) frames.push(...batch.map(({ bytes }) => bytes));
  t.is(frames.length, documents.length);
  t.is(kept(frames), lengthOf(frames));
});

test('white space around a block is refused, and between the documents of a file it is none of theirs', async (t) => {
  const [first = new Uint8Array()] = documents;
  const text = Buffer.from(first).toString();
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'linked:height,hash,previousHash' });
  const spaced = Buffer.from(`${text}  `);
  for (const document of [spaced, Buffer.from(` ${text}`), Buffer.from(`${text}\t`)])
    t.is(codeOf(await t.throwsAsync(chain.append([document]))), 'BLOCK_MALFORMED');
  const verifier = chain.verifier();
  t.is(
    codeOf(
      t.throws(() => verifier.wireFrame({ kind: 'frame', height: 0, codec: 'identity', bytes: spaced })),
    ),
    'BLOCK_MALFORMED',
  );
  const items: WireItem[] = [];
  await askedFor(
    t,
    { type: 'application/x-ndjson', body: Buffer.from(`${text}  \n`) },
    async (deps, peer) => {
      const fetch: TransportDeps['fetch'] = (url, init) =>
        url.pathname.endsWith('/status')
          ? Promise.resolve({ status: 404, headers: { get: () => null }, body: null })
          : deps.fetch(url, init);
      await asking(jsonRangeTransport(), { items })({ ...deps, fetch }, peer);
    },
  );
  t.deepEqual(
    bytesOf(items).map((bytes) => Buffer.from(bytes).toString()),
    [text],
  );
  await chain.close();
});
