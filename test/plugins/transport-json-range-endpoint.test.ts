import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import test from 'ava';
import type { AbortOptions, BlockRange, Frame } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { encodingsHere } from '../helpers/builtin-codecs.js';
import { dataTest } from '../helpers/data-test.js';
import { MemorySource } from '../helpers/memory-source.js';
import { ndjson, sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { standsStill, until } from '../helpers/waiting.js';
import { FinalizedSource, get, refAt, serveRanges, toTexts } from './transport-json-range-support.js';

const TIP = 49;
const documents = sealedChain(TIP + 1);
const array = (from: number, to: number): string => `[${toTexts(documents.slice(from, to + 1)).join(',')}]`;
const codeIn = (body: string): string => (JSON.parse(body) as { code: string }).code;

test('a range is a JSON array of the documents, byte for byte, from gzip frames and plain ones', async (t) => {
  for (const codec of ['gzip', 'identity'] as const) {
    const { origin } = await serveRanges(t, new MemorySource(documents, { codec, batch: 7 }));
    const { status, body, headers } = await get(origin, '/sync/json?from=3&to=40');
    t.is(status, 200);
    t.is(body, array(3, 40));
    t.is(headers['content-type'], 'application/json');
    t.is(headers['content-encoding'], undefined);
  }
});

test('one document a line comes when NDJSON is asked for', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const accept = 'application/x-ndjson';
  const answer = await get(origin, '/sync/json?from=3&to=40', { accept });
  t.is(answer.headers['content-type'], accept);
  t.deepEqual(answer.raw, ndjson(documents.slice(3, 41)));
  t.is((await get(origin, '/sync/json?from=50', { accept })).body, '');
});

const forms: readonly [string, string][] = [
  ['*/*', 'application/json'],
  ['', 'application/json'],
  ['application/x-ndjson, application/json', 'application/json'],
  ['application/x-ndjson, */*', 'application/x-ndjson'],
  ['application/x-ndjson;q=0.5, */*', 'application/json'],
  ['application/json;q=0.5, application/x-ndjson', 'application/x-ndjson'],
  ['application/json;q=0, */*;q=0.1', 'application/x-ndjson'],
  ['APPLICATION/X-NDJSON; charset=utf-8 ;Q=0.9', 'application/x-ndjson'],
  ['application/x-ndjson;q=0', 'application/json'],
  ['application/x-ndjson;q=2', 'application/json'],
  ['text/html', 'application/json'],
];
test('the form is the one that Accept weighs most', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  for (const [accept, expected] of forms) {
    const { headers, status } = await get(origin, '/sync/json?from=1&to=2', { accept });
    t.is(status, 200);
    t.is(headers['content-type'], expected, accept);
    t.is(headers['vary'], 'Accept, Accept-Encoding');
  }
});

/** zstd where Node has it. */
const [firstHere] = encodingsHere;
const otherHere = encodingsHere.find((encoding) => encoding !== 'gzip');

const encodings: readonly [string, string | undefined][] = [
  ['', undefined],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP;q=0.1', 'gzip'],
  ['*', firstHere],
  ['x-unknown', undefined],
  ['gzip, identity', 'gzip'],
  ['identity, gzip;q=0.5', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=0, *', otherHere],
  ['*;q=0', undefined],
  ['identity;q=0', firstHere],
  ['identity;q=0, x-unknown', firstHere],
  ['gzip;q=0, identity;q=0', otherHere],
];
test('the content encoding is the one that Accept-Encoding weighs most', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  for (const [accepted, expected] of encodings) {
    const answer = await get(origin, '/sync/json?from=1&to=20', { 'accept-encoding': accepted });
    t.is(answer.headers['content-encoding'], expected, accepted);
    t.is(answer.body, array(1, 20), accepted);
  }
  const { headers } = await get(origin, '/sync/json?from=1&to=20');
  t.is(headers['content-encoding'], undefined);
});

test('the status document names the encodings', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const { codecs } = JSON.parse((await get(origin, '/sync/status')).body) as { codecs: { json: string[] } };
  t.deepEqual(codecs.json, [...encodingsHere, 'identity']);
});

interface Row {
  readonly frm: string | null;
  readonly to: string | null;
  readonly expect: string;
}

dataTest('every range is answered as the vectors say', 'vectors/requests/requests.json', async (t, file) => {
  const { json_ranges: rows } = JSON.parse(readFileSync(file, 'utf8')) as { json_ranges: Row[] };
  t.is(rows.length, 11);
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const height = (text: string): string =>
    text.replace(/^tip([+-]\d+)$/, (_all, more: string) => String(TIP + Number(more)));
  for (const { frm, to, expect } of rows) {
    const query = new URLSearchParams();
    if (frm !== null) query.set('from', height(frm));
    if (to !== null) query.set('to', height(to));
    const { status, body } = await get(origin, `/sync/json?${query.toString()}`);
    const label = `${String(frm)} ${String(to)}`;
    t.is(status, expect.startsWith('400') ? 400 : 200, label);
    if (status !== 200) continue;
    const from = Number(height(frm ?? ''));
    const last = Math.min(to === null ? TIP : Number(height(to)), TIP);
    t.is(body, from > TIP ? '[]' : array(from, last), label);
  }
});

dataTest(
  'every spelling of a height is judged as the vectors say',
  'vectors/requests/requests.json',
  async (t, file) => {
    const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
      heights: { value: string; expect: string }[];
      query_strings: { query: string; expect: string }[];
    };
    const { origin } = await serveRanges(t, new MemorySource(documents));
    for (const { value, expect } of vectors.heights) {
      const raw = value.includes('%') ? value : encodeURIComponent(value);
      const { status } = await get(origin, `/sync/json?from=${raw}`);
      t.is(status, expect.startsWith('400') ? 400 : 200, JSON.stringify(value.slice(0, 40)));
    }
    for (const { query, expect } of vectors.query_strings) {
      const { status } = await get(origin, `/sync/json?${query.replaceAll('from_height', 'from')}`);
      if (expect === '400') t.is(status, 400, query.slice(0, 60));
    }
  },
);

test('a range has maxRange blocks at most, also when no end is asked for', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents), { limits: { maxRange: 10 } });
  t.is((await get(origin, '/sync/json?from=5&to=14')).body, array(5, 14));
  t.is((await get(origin, '/sync/json?from=5')).body, array(5, 14));
  t.is((await get(origin, '/sync/json')).body, array(0, 9));
  const tooLarge = await get(origin, '/sync/json?from=5&to=15');
  t.is(tooLarge.status, 400);
  t.is(codeIn(tooLarge.body), 'RANGE_TOO_LARGE');
  t.is(tooLarge.headers['content-type'], 'application/problem+json');
});

test('an empty chain answers with an empty array', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource([]));
  t.is((await get(origin, '/sync/json')).body, '[]');
  t.is((await get(origin, '/sync/json?from=0&to=5', { 'accept-encoding': 'gzip' })).body, '[]');
});

test('a range that begins below the base is gone', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents, { base: 20 }));
  const answer = await get(origin, '/sync/json?from=19&to=25');
  t.is(answer.status, 410);
  t.like(JSON.parse(answer.body), { code: 'BELOW_BASE', base: 20 });
  t.is((await get(origin, '/sync/json?from=20&to=21')).body, array(20, 21));
});

test('a parent that is not on the chain is a fork, and the answer names the chain', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const { hash } = refAt(documents, 9);
  t.is((await get(origin, `/sync/json?from=10&to=12&parent_hash=${hash}`)).status, 200);
  const answer = await get(origin, `/sync/json?from=10&to=12&parent_hash=${hash.replace(/./g, 'e')}`);
  t.is(answer.status, 409);
  const { code, ancestors } = JSON.parse(answer.body) as { code: string; ancestors: unknown[] };
  t.is(code, 'FORKED');
  t.deepEqual(
    ancestors,
    [9, 8, 6, 2, 0].map((height) => refAt(documents, height)),
  );
  t.is((await get(origin, '/sync/json?from=50&to=60&parent_hash=aa')).status, 409);
  t.is((await get(origin, '/sync/json?from=51&to=60&parent_hash=aa')).body, '[]');
});

test('only what is final as it was asked for may be kept for good', async (t) => {
  const source = new FinalizedSource(documents);
  const { origin } = await serveRanges(t, source);
  const kept = async (query: string): Promise<string> =>
    String((await get(origin, `/sync/json?${query}`)).headers['cache-control']);
  const immutable = 'private, max-age=31536000, immutable, no-transform';
  t.is(await kept('from=0&to=10'), 'no-cache, no-transform');
  source.finalized = refAt(documents, 20);
  t.is(await kept('from=0&to=20'), immutable);
  t.is(await kept('from=20&to=20'), immutable);
  t.is(await kept('from=0&to=21'), 'no-cache, no-transform');
  t.is(await kept('from=60&to=70'), 'no-cache, no-transform');
  source.finalized = refAt(documents, TIP);
  t.is(await kept(`from=0&to=${TIP}`), immutable);
  t.is(await kept(`from=0&to=${TIP + 1}`), 'no-cache, no-transform');
  t.is(await kept('from=0'), 'no-cache, no-transform');
});

test('the entity tag changes with the blocks, the form and the encoding, and with nothing else', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await serveRanges(t, source);
  const tag = async (query: string, headers: Record<string, string> = {}): Promise<string> =>
    String((await get(origin, `/sync/json?${query}`, headers)).headers['etag']);
  const first = await tag('from=1&to=60');
  t.regex(first, /^"[\x21\x23-\x7e]+"$/);
  t.is(await tag('to=60&from=1'), first);
  t.is(await tag('from=1&to=49'), first);
  const others = [
    await tag('from=2&to=60'),
    await tag('from=1&to=48'),
    await tag('from=1&to=60', { accept: 'application/x-ndjson' }),
    await tag('from=1&to=60', { 'accept-encoding': 'gzip' }),
  ];
  source.rollback(40);
  others.push(await tag('from=1&to=60'));
  source.extend(
    sealedChain(50, (height) => (height > 40 ? { other: height } : smallPayload(height))).slice(41),
  );
  others.push(await tag('from=1&to=60'));
  t.is(new Set([first, ...others]).size, 7);
});

test('the same tag always comes with the same bytes, encoded or not', async (t) => {
  const seen = new Map<string, string>();
  for (const batch of [1, 3, 100]) {
    const { origin } = await serveRanges(t, new MemorySource(documents, { batch }));
    for (const encoding of ['gzip', 'identity']) {
      const { headers, raw } = await get(origin, '/sync/json?from=1&to=45', { 'accept-encoding': encoding });
      const digest = createHash('sha256').update(raw).digest('hex');
      const tag = String(headers['etag']);
      t.is(seen.get(tag) ?? digest, digest);
      seen.set(tag, digest);
    }
  }
  t.is(seen.size, 2);
});

test('a client that has the representation is told so without reading a block', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await serveRanges(t, source);
  const { headers } = await get(origin, '/sync/json?from=1&to=9');
  const tag = String(headers['etag']);
  source.reads.length = 0;
  for (const value of [tag, `W/${tag}`, '*', `"a,b", W/"x" ,${tag}`]) {
    const answer = await get(origin, '/sync/json?from=1&to=9', { 'if-none-match': value });
    t.is(answer.status, 304, value);
    t.is(answer.raw.length, 0);
    t.is(answer.headers['etag'], tag);
    t.is(answer.headers['vary'], 'Accept, Accept-Encoding');
    t.is(answer.headers['cache-control'], 'no-cache, no-transform');
  }
  t.is(source.reads.length, 0);
  for (const value of ['"other"', tag.replaceAll('"', ''), `x${tag.slice(1)}`]) {
    t.is((await get(origin, '/sync/json?from=1&to=9', { 'if-none-match': value })).status, 200, value);
  }
  const gzip = { 'if-none-match': tag, 'accept-encoding': 'gzip' };
  t.is((await get(origin, '/sync/json?from=1&to=9', gzip)).status, 200);
});

test('an answer to `parent_hash` names the head that the parent was judged by, also where it is below the parent', async (t) => {
  const { origin } = await serveRanges(t, new MemorySource(documents));
  const hash = refAt(documents, TIP).hash;
  for (const [from, parent] of [
    [TIP + 1, hash],
    [TIP + 2, 'ab'.repeat(32)],
    [TIP + 900, 'ab'.repeat(32)],
  ] as const) {
    const { status, headers, body } = await get(
      origin,
      `/sync/json?from=${from}&to=${from}&parent_hash=${parent}`,
    );
    t.like({ status, body, head: headers['x-chain-head'] }, { status: 200, body: '[]', head: String(TIP) });
    const ifNoneMatch = { 'if-none-match': String(headers['etag']) };
    const same = await get(origin, `/sync/json?from=${from}&to=${from}&parent_hash=${parent}`, ifNoneMatch);
    t.like({ status: same.status, head: same.headers['x-chain-head'] }, { status: 304, head: String(TIP) });
  }
  t.is((await get(origin, `/sync/json?from=${TIP + 1}&parent_hash=${'ab'.repeat(32)}`)).status, 409);
  t.is((await get(origin, '/sync/json?from=1&to=2')).headers['x-chain-head'], undefined);
  const empty = await serveRanges(t, new MemorySource([]));
  const none = await get(empty.origin, `/sync/json?from=5&parent_hash=${hash}`);
  t.is(none.headers['x-chain-head'], 'none');
});

test('HEAD has the header fields of GET and reads no block', async (t) => {
  const source = new MemorySource(documents);
  const { origin } = await serveRanges(t, source);
  const asked = await get(origin, '/sync/json?from=1&to=9', {}, 'HEAD');
  t.is(source.reads.length, 0);
  const got = await get(origin, '/sync/json?from=1&to=9');
  t.is(asked.status, 200);
  t.is(asked.raw.length, 0);
  for (const name of ['etag', 'vary', 'cache-control', 'content-type'])
    t.is(asked.headers[name], got.headers[name]);
  t.is((await get(origin, '/sync/json?from=9&to=1', {}, 'HEAD')).status, 400);
  t.is((await get(origin, '/sync/json?from=9', {}, 'POST')).status, 405);
});

const bigPayload = (height: number): object => ({
  text: createHash('sha512').update(`${height}`).digest('hex').repeat(2000),
});
const big = sealedChain(40, bigPayload);
/** The same up to block 30. */
const branch = sealedChain(40, (height) => (height > 30 ? { other: height } : bigPayload(height)));

/** Yields one block at a time and counts them. */
class CountingSource extends MemorySource {
  pulled = 0;
  ended = 0;
  /** Runs before a height is yielded. */
  onPull: (height: number) => void = () => undefined;

  override async *read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    try {
      for (let height = range.from; height <= range.to; height++) {
        this.onPull(height);
        for await (const frames of super.read({ from: height, to: height }, options)) {
          this.pulled++;
          yield frames;
        }
      }
    } finally {
      this.ended++;
    }
  }
}

for (const encoding of ['gzip', 'identity']) {
  test(`a client that takes nothing stops the reading, and its going away ends it (${encoding})`, async (t) => {
    const source = noisySource();
    const { origin, errors } = await serveRanges(t, source);
    const headers = { 'accept-encoding': encoding };
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpGet(origin, { path: '/sync/json?from=0&to=299', headers, agent: false }, resolve);
    });
    response.pause();
    const pulled = await standsStill(() => source.pulled);
    t.true(pulled < 150, `${pulled} of 300 blocks were read`);
    t.is(source.ended, 0);
    response.destroy();
    await until(() => source.ended === 1);
    t.deepEqual(errors, []);
  });
}

function noise(height: number): object {
  return {
    text: createHash('shake256', { outputLength: 64_000 }).update(`${height}`).digest('hex'),
  };
}

let noisy: readonly Frame[] | null = null;

/** A source of random text: about 128 KB a block, half of that in gzip. Its frames are made once. */
function noisySource(): CountingSource {
  noisy ??= new MemorySource(sealedChain(300, noise)).frames;
  const source = new CountingSource();
  source.frames = [...noisy];
  return source;
}

for (const accept of ['application/json', 'application/x-ndjson'])
  for (const encoding of ['gzip', 'identity']) {
    test(`a failure behind the first byte breaks the connection off (${accept}, ${encoding})`, async (t) => {
      const source = new CountingSource(big);
      const { origin, errors } = await serveRanges(t, source);
      source.onPull = (height) => {
        if (height === 35) throw new Error('EIO');
      };
      await t.throwsAsync(get(origin, '/sync/json?from=0&to=39', { accept, 'accept-encoding': encoding }), {
        message: /aborted/,
      });
      t.is(errors.length, 1);
      t.is(source.ended, 1);
    });

    test(`a chain that is replaced in the middle breaks the connection off (${accept}, ${encoding})`, async (t) => {
      const source = new CountingSource(big);
      const { origin, errors } = await serveRanges(t, source);
      source.onPull = (height) => {
        if (height !== 35) return;
        source.onPull = () => undefined;
        source.rollback(30);
        source.extend(branch.slice(31));
      };
      await t.throwsAsync(get(origin, '/sync/json?from=0&to=39', { accept, 'accept-encoding': encoding }), {
        message: /aborted/,
      });
      t.true(isSyncError(errors[0], 'FORKED'));
    });
  }

test('a chain that is cut back in the middle breaks the connection off', async (t) => {
  const source = new CountingSource(big);
  const { origin, errors } = await serveRanges(t, source);
  source.onPull = (height) => {
    if (height === 35) source.rollback(34);
  };
  await t.throwsAsync(get(origin, '/sync/json?from=0&to=39'), { message: /aborted/ });
  t.true(isSyncError(errors[0], 'FORKED'));
});

test('a chain that changes before the first byte is looked at again', async (t) => {
  const source = new CountingSource(documents);
  const { origin, errors } = await serveRanges(t, source);
  source.onPull = (height) => {
    if (height !== 5) return;
    source.onPull = () => undefined;
    source.rollback(7);
  };
  t.is((await get(origin, '/sync/json?from=0&to=20')).body, array(0, 7));
  t.deepEqual(errors, []);
});

test('a store that fails before the first byte, or a block that is too large, is a status', async (t) => {
  const source = new MemorySource(documents);
  source.failAt = 0;
  const failing = await serveRanges(t, source);
  const answer = await get(failing.origin, '/sync/json?from=0&to=5', { 'accept-encoding': 'gzip' });
  t.is(answer.status, 500);
  t.is(codeIn(answer.body), 'INTERNAL');
  t.is(answer.headers['etag'], undefined);
  t.is(answer.headers['content-encoding'], undefined);
  const small = await serveRanges(t, new MemorySource(documents), { limits: { maxBlockBytes: 200 } });
  t.is(codeIn((await get(small.origin, '/sync/json?from=0&to=5')).body), 'BLOCK_TOO_LARGE');
});

test('a server that closes at once breaks its ranges off', async (t) => {
  const source = noisySource();
  const { origin, close } = await serveRanges(t, source);
  const response = await new Promise<IncomingMessage>((resolve) => {
    httpGet(origin, { path: '/sync/json?from=0&to=299', agent: false }, resolve);
  });
  response.once('data', close);
  const error = await t.throwsAsync(async () => {
    for await (const chunk of response) t.true((chunk as Buffer).length > 0);
  });
  t.is(error.message, 'aborted');
  await until(() => source.ended === 1);
});
