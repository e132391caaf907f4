import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { jsonRangeTransport } from '../../plugins/transport-json-range/index.js';
import type { BlockHeader, WireItem } from '../../src/contracts/index.js';
import { openChain } from '../../src/index.js';
import { dataTest } from '../helpers/data-test.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import {
  codeOf,
  describe,
  fetchAll,
  get,
  heights,
  plain,
  refAt,
  run,
  serve,
  serveRanges,
  streamRequest,
  texts,
  toTexts,
  transport,
  type Handler,
} from './transport-json-range-support.js';

const documents = sealedChain(300);
const HEAD = 299;
const complete = (height: number, described = false): WireItem => ({
  kind: 'complete',
  head: { height, hash: described ? refAt(documents, height).hash : null },
});
const rangesOf = (targets: readonly string[]): number[][] =>
  targets
    .filter((target) => target.startsWith('/sync/json'))
    .map((target) => new URL(target, 'http://localhost').searchParams)
    .map((query) => [Number(query.get('from')), Number(query.get('to'))]);
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_each, i) => from + i);

test('blocks come in order with their bytes and heights, then complete', async (t) => {
  const { peer, targets, errors } = await serveRanges(t, new MemorySource(documents));
  const { items, error } = await fetchAll(peer, { describe }, { targetRangeBytes: 5000 });
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(heights(items), numbers(0, HEAD));
  t.deepEqual(items.at(-1), complete(HEAD, true));
  t.is(items.filter(({ kind }) => kind === 'complete').length, 1);
  t.deepEqual(errors, []);
  const ranges = rangesOf(targets);
  t.deepEqual(ranges[0], [0, 15]);
  t.true(ranges.length > 10);
  for (const [i, [from = 0]] of ranges.entries()) t.is(from, i === 0 ? 0 : (ranges[i - 1]?.[1] ?? 0) + 1);
});

test('what is delivered is a chain that a node takes', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(documents));
  const { items } = await fetchAll(peer);
  const chain = await openChain({ storage: { use: 'memory' } });
  t.teardown(() => chain.close());
  await chain.append(items.flatMap((item) => (item.kind === 'frame' ? [item.bytes] : [])));
  t.like(chain.tip().head, refAt(documents, HEAD));
});

test('a client goes on behind what it has and ends where it is told to', async (t) => {
  const { peer, targets } = await serveRanges(t, new MemorySource(documents));
  const after = refAt(documents, 99);
  const { items } = await fetchAll(peer, { after, from: 100, to: 250 }, { targetRangeBytes: 8000 });
  t.deepEqual(texts(items), toTexts(documents.slice(100, 251)));
  t.is(items.at(-1)?.kind, 'complete');
  t.is(rangesOf(targets).at(-1)?.[1], 250);
  const named = targets.filter((target) => target.includes('parent_hash'));
  t.deepEqual(named, [`/sync/json?from=100&to=115&parent_hash=${after.hash}&frames=identity`]);
});

test('a client that has everything learns that in one request', async (t) => {
  const { peer, targets } = await serveRanges(t, new MemorySource(documents));
  const { items, error } = await fetchAll(peer, { after: refAt(documents, HEAD), from: HEAD + 1 });
  t.is(error, null);
  t.deepEqual(items, [{ kind: 'complete', head: refAt(documents, HEAD) }]);
  t.is(rangesOf(targets).length, 1);
});

test('an empty chain is complete without a head', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource([]));
  t.deepEqual((await fetchAll(peer)).items, [{ kind: 'complete', head: null }]);
});

test('blocks that are new since the status was read come too', async (t) => {
  const source = new MemorySource(documents.slice(0, 100));
  let answers = 0;
  const { peer } = await serveRanges(t, source, {
    wrap: (handler) => (request, response) => {
      if (request.url?.includes('/json') === true && answers++ === 3)
        source.extend(documents.slice(100, 110));
      handler(request, response);
    },
  });
  const { items } = await fetchAll(peer, {}, { targetRangeBytes: 5000 });
  t.deepEqual(texts(items), toTexts(documents.slice(0, 110)));
  t.deepEqual(items.at(-1), complete(109));
});

test('the status that the engine has just read is not asked for again', async (t) => {
  const { peer, targets } = await serveRanges(t, new MemorySource(documents));
  const json = transport();
  const { signal } = new AbortController();
  t.is((await json.status(peer, { signal }))?.head?.height, HEAD);
  await run(json.open(streamRequest(peer), { signal }));
  await run(json.open(streamRequest(peer), { signal }));
  t.is(targets.filter((target) => target === '/sync/status').length, 2);
});

test('a claimed head that is not delivered is passed on as a claim', async (t) => {
  const source = new MemorySource(documents);
  const { peer } = await serveRanges(t, source, {
    wrap: (handler) => (request, response) => {
      handler(request, response);
      if (request.url === '/sync/status') source.rollback(200);
    },
  });
  const { items } = await fetchAll(peer);
  t.is(heights(items).length, 201);
  t.deepEqual(items.at(-1), { kind: 'complete', head: refAt(documents, HEAD) });
});

test('no range has more blocks than the peer takes, whether its status says so or its refusals', async (t) => {
  const source = new MemorySource(documents);
  for (const status of [true, false]) {
    const { peer, targets } = await serveRanges(t, source, {
      limits: { maxRange: 10 },
      wrap: (handler) => (request, response) => {
        if (status || request.url !== '/sync/status') handler(request, response);
        else response.writeHead(404).end();
      },
    });
    const { items, error } = await fetchAll(peer, {}, { firstRangeBlocks: 64 });
    t.is(error, null);
    t.deepEqual(texts(items), toTexts(documents));
    const tooLarge = rangesOf(targets).filter(([from = 0, to = 0]) => to - from >= 10);
    t.is(tooLarge.length > 0, !status);
    t.true(tooLarge.length < 20);
  }
});

test('ranges grow until they have the bytes that are wanted, and no faster than eightfold', async (t) => {
  const many = sealedChain(4000, (height) => ({ n: height }));
  const { peer, targets } = await serveRanges(t, new MemorySource(many));
  const bytes = many[3999]?.length ?? 0;
  const { items } = await fetchAll(peer, {}, { targetRangeBytes: bytes * 1000, firstRangeBlocks: 2 });
  t.is(heights(items).length, 4000);
  const sizes = rangesOf(targets).map(([from = 0, to = 0]) => to - from + 1);
  t.deepEqual(sizes.slice(0, 3), [2, 16, 128]);
  t.true((sizes[3] ?? 0) > 900, sizes.join(' '));
  t.true(Math.max(...sizes) <= 1100, sizes.join(' '));
});

dataTest(
  'all 8,192 Ethereum blocks come byte for byte through ranges, one at a time',
  'data/ethereum/eth-mainnet-0-8191.ndjson.gz',
  async (t, file) => {
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    const chainRules = ethereum().create();
    const source = new MemorySource([]);
    source.frames = lines.map((line) => {
      const document = Buffer.from(line);
      const bytes = gzipSync(document, { level: 1 });
      return { header: chainRules.describe(document), codec: 'gzip', bytes, documentBytes: document.length };
    });
    let open = 0;
    let most = 0;
    const { peer } = await serveRanges(t, source, {
      wrap: (handler) => (request, response) => {
        most = Math.max(most, ++open);
        response.on('close', () => open--);
        handler(request, response);
      },
    });
    const ethereumHeader = (document: Uint8Array): BlockHeader => chainRules.describe(document);
    const { items, error } = await fetchAll(
      peer,
      { describe: ethereumHeader },
      { targetRangeBytes: 512 * 1024 },
    );
    t.is(error, null);
    const got = texts(items);
    t.is(got.length, 8192);
    t.true(got.every((text, height) => text === lines[height]));
    t.is(most, 1);
  },
);

// What a server may do to a body.
const cuts: readonly [
  string,
  (response: Parameters<Handler>[1], body: Uint8Array, whole: boolean) => void,
][] = [
  [
    'breaks off',
    (response, body, whole) => {
      if (whole) response.end(body);
      else breakOff(response, body);
    },
  ],
  ['ends as if it were whole', (response, body) => response.end(body)],
];

function breakOff(response: Parameters<Handler>[1], body: Uint8Array): void {
  response.flushHeaders();
  response.write(body, () => setTimeout(() => response.socket?.destroy(), 2));
}

const tiny = ['{"a":"}]"}', '{}', '{"b":[{}]}', '{"c":"\\""}'];
for (const [how, finish] of cuts)
  for (const encoding of ['identity', 'gzip']) {
    test(`a body that ${how} anywhere never yields a wrong or partial document (${encoding})`, async (t) => {
      const bodyFrom = (from: number, to: number): Buffer => {
        const text = Buffer.from(`[${tiny.slice(from, to + 1).join(',')}]`);
        return encoding === 'gzip' ? gzipSync(text) : text;
      };
      let length = 0;
      const { peer } = await serve(
        t,
        plain((from, to, response) => {
          const body = bodyFrom(from, to);
          const type = encoding === 'gzip' ? { 'content-encoding': encoding } : {};
          response.writeHead(200, { 'content-type': 'application/json', ...type });
          finish(response, body.subarray(0, length), length >= body.length);
        }),
      );
      const whole = bodyFrom(0, 3).length;
      let truncated = 0;
      for (; length <= whole; length++) {
        const outcome = await fetchAll(peer, { to: 3 });
        const got = texts(outcome.items);
        t.deepEqual(got, tiny.slice(0, got.length));
        t.deepEqual(heights(outcome.items), numbers(0, got.length - 1));
        if (outcome.error === null) t.is(got.length, 4);
        else t.is(codeOf(outcome), 'STREAM_TRUNCATED');
        truncated += outcome.error === null ? 0 : 1;
      }
      t.true(truncated > 10);
    });
  }

test('a range that is cut goes on at the next block, and no block comes twice', async (t) => {
  let cutsLeft = 3;
  const { peer, targets } = await serve(
    t,
    plain((from, to, response) => {
      const body = `[${toTexts(documents.slice(from, to + 1)).join(',')}]`;
      response.writeHead(200, { 'content-type': 'application/json' });
      if (cutsLeft === 0 || from < 16) response.end(body);
      else {
        cutsLeft--;
        breakOff(response, Buffer.from(body.slice(0, body.length / 2)));
      }
    }),
  );
  const { items, error } = await fetchAll(peer, { describe }, { targetRangeBytes: 20_000 });
  t.is(error, null);
  t.is(cutsLeft, 0);
  t.deepEqual(texts(items), toTexts(documents));
  const resumed = targets.filter((target) => target.includes('parent_hash'));
  t.is(resumed.length, 3);
  for (const target of resumed) {
    const { searchParams } = new URL(target, 'http://localhost');
    const from = Number(searchParams.get('from'));
    t.is(searchParams.get('parent_hash'), refAt(documents, from - 1).hash);
  }
});

test('a peer that cuts every answer is left after a few, with what it sent', async (t) => {
  const { peer, targets } = await serve(
    t,
    plain((from, _to, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      breakOff(response, Buffer.from(`[${String(toTexts(documents)[from])},{"hash"`));
    }),
  );
  const outcome = await fetchAll(peer);
  t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  t.deepEqual(texts(outcome.items), toTexts(documents.slice(0, 4)));
  t.is(rangesOf(targets).length, 4);
});

test('what came before garbage is delivered, and the error names the height', async (t) => {
  const { peer } = await serve(
    t,
    plain((_from, _to, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`[${toTexts(documents.slice(50, 53)).join(',')} oops]`);
    }),
  );
  const outcome = await fetchAll(peer, { from: 50, after: refAt(documents, 49) });
  t.deepEqual(heights(outcome.items), [50, 51, 52]);
  t.is(codeOf(outcome), 'PROTOCOL_VIOLATION');
  t.is(outcome.error?.context.height, 53);
  t.is(outcome.error?.context.peer, peer.url);
});

test('a document over the limit is refused before it is held', async (t) => {
  const { peer } = await serve(
    t,
    plain((_from, _to, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('[{"a":"');
      const more = (): boolean => response.write('x'.repeat(100_000), () => !response.destroyed && more());
      more();
    }),
  );
  const outcome = await fetchAll(peer, {}, {}, { maxEventBytes: 300_000 });
  t.is(codeOf(outcome), 'EVENT_TOO_LARGE');
  t.is(outcome.error?.context.height, 0);
});

test('a chain that changes between two answers is nobody\u2019s fault', async (t) => {
  const other = sealedChain(300, (height) => (height > 9 ? { other: height } : smallPayload(height)));
  const source = new MemorySource(documents);
  const { peer } = await serveRanges(t, source, {
    wrap: (handler) => (request, response) => {
      if (request.url?.startsWith('/sync/json?from=16') === true) {
        source.rollback(9);
        source.extend(other.slice(10));
      }
      handler(request, response);
    },
  });
  const outcome = await fetchAll(peer, { describe });
  t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  t.deepEqual(heights(outcome.items), numbers(0, 15));
  t.is(outcome.error?.context.height, 16);
});

test('a fork is told with the ancestors of the peer', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(documents));
  const outcome = await fetchAll(peer, { from: 10, after: { height: 9, hash: 'ee' } });
  t.is(codeOf(outcome), 'FORKED');
  t.deepEqual(
    outcome.error?.context.ancestors,
    [9, 8, 6, 2, 0].map((height) => refAt(documents, height)),
  );
});

test('a start below the base of the peer is told with the base', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(documents, { base: 100 }));
  const outcome = await fetchAll(peer);
  t.is(codeOf(outcome), 'BELOW_BASE');
  t.is(outcome.error?.context.base, 100);
});

test('a peer that gives one answer at a time is asked for no more', async (t) => {
  const { peer } = await serveRanges(t, new MemorySource(documents), { limits: { maxAnswersPerClient: 1 } });
  const { items, error } = await fetchAll(peer, {}, { targetRangeBytes: 5000 });
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
});

test('one document a line is read too when the peer says that it sends that', async (t) => {
  const { peer } = await serve(
    t,
    plain((from, to, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
      response.end(toTexts(documents.slice(from, to + 1)).join('\n'));
    }),
  );
  const { items, error } = await fetchAll(peer);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
});

test('an option that is not within its bounds is a mistake of the caller', (t) => {
  const wrong = [{ hedgeAfterMs: 0 }, { targetRangeBytes: 1.5 }, { firstRangeBlocks: 10_001 }];
  for (const options of wrong) t.throws(() => jsonRangeTransport(options), { instanceOf: TypeError });
});

test('the whole answers of the endpoint and what the client makes of them agree', async (t) => {
  const { peer, origin } = await serveRanges(t, new MemorySource(documents));
  const { items } = await fetchAll(peer);
  t.is((await get(origin, '/sync/json')).body, `[${texts(items).join(',')}]`);
});
