import { writeFileSync } from 'node:fs';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Peer } from '../../src/contracts/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import {
  codeOf,
  describe,
  fetchAll,
  heights,
  refAt,
  serve,
  texts,
  toTexts,
  type TestServer,
} from './transport-json-range-support.js';

const documents = sealedChain(100);

/** A web server like `python3 -m http.server` that has one file, at /sync/json, and ignores queries. */
async function fileServer(t: ExecutionContext, content: string): Promise<TestServer> {
  const file = join(tempDir(t), 'json');
  writeFileSync(file, content);
  return serve(t, (request, response) => {
    if (request.url?.split('?', 1)[0] !== '/sync/json') {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>File not found</h1>');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    createReadStream(file).pipe(response);
  });
}

const fileOf = (from: number, to: number): string =>
  `[${toTexts(documents.slice(from, to + 1)).join(',\n  ')}\n]\n`;

async function sync(
  peer: Peer,
  from: number,
  to: number | null = null,
): Promise<{ got: string[]; heights: (number | null)[]; code: string | null; last: unknown }> {
  const after = from === 0 ? null : refAt(documents, from - 1);
  const outcome = await fetchAll(peer, { from, after, to, describe });
  const last = outcome.items.at(-1);
  return { got: texts(outcome.items), heights: heights(outcome.items), code: codeOf(outcome), last };
}

test('a file with the whole chain is taken from its first block on in one request', async (t) => {
  const { peer, targets } = await fileServer(t, fileOf(0, 99));
  const { got, code, last } = await sync(peer, 0);
  t.is(code, null);
  t.deepEqual(got, toTexts(documents));
  t.deepEqual(last, { kind: 'complete', head: refAt(documents, 99) });
  t.deepEqual(targets, ['/sync/status', '/sync/json?from=0&to=15']);
});

test('the same works without a way to read heights when the file begins where it should', async (t) => {
  const { peer } = await fileServer(t, fileOf(0, 99));
  const { items, error } = await fetchAll(peer);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
});

test('what the client has is left out of the file, wherever it begins', async (t) => {
  for (const begin of [0, 20, 29, 30]) {
    const { peer, targets } = await fileServer(t, fileOf(begin, 99));
    const { got, heights: at, code, last } = await sync(peer, 30);
    t.is(code, null);
    t.deepEqual(got, toTexts(documents.slice(30)));
    t.is(at[0], 30);
    t.deepEqual(last, { kind: 'complete', head: refAt(documents, 99) });
    t.is(targets.length, 2);
  }
});

test('a file that has exactly as many blocks as were asked for is not taken twice', async (t) => {
  for (const count of [16, 15, 1]) {
    const { peer } = await fileServer(t, fileOf(0, count - 1));
    const { got, code, last } = await sync(peer, 0);
    t.is(code, null);
    t.deepEqual(got, toTexts(documents.slice(0, count)));
    t.deepEqual(last, { kind: 'complete', head: refAt(documents, count - 1) });
  }
});

test('a file with nothing new is complete', async (t) => {
  const { peer } = await fileServer(t, fileOf(0, 9));
  t.like(await sync(peer, 10), { got: [], code: null, last: { kind: 'complete', head: null } });
  const empty = await fileServer(t, '[]');
  t.like(await sync(empty.peer, 0), { got: [], code: null });
});

test('no block behind the last one that is wanted is delivered', async (t) => {
  const { peer } = await fileServer(t, fileOf(0, 99));
  const { got, last } = await sync(peer, 30, 40);
  t.deepEqual(got, toTexts(documents.slice(30, 41)));
  t.deepEqual(last, { kind: 'complete', head: refAt(documents, 40) });
});

test('a file that begins behind what is wanted is below its base', async (t) => {
  const { peer } = await fileServer(t, fileOf(50, 99));
  const outcome = await fetchAll(peer, { from: 30, after: refAt(documents, 29), describe });
  t.is(codeOf(outcome), 'BELOW_BASE');
  t.is(outcome.error?.context.base, 50);
  t.deepEqual(outcome.items, []);
});

test('a file of another branch is a fork', async (t) => {
  const { peer } = await fileServer(t, fileOf(0, 99));
  const outcome = await fetchAll(peer, { from: 30, after: { height: 29, hash: 'ee' }, describe });
  t.is(codeOf(outcome), 'FORKED');
  t.deepEqual(outcome.items, []);
});

test('a file whose old blocks are not in order is refused', async (t) => {
  const [first = '', second = ''] = toTexts(documents);
  const { peer } = await fileServer(t, `[${[first, second, first, second].join(',')}]`);
  t.is((await sync(peer, 30)).code, 'PROTOCOL_VIOLATION');
});

test('a web page in the place of the file is no sync service', async (t) => {
  const { peer } = await serve(t, (request, response) => {
    if (request.url === '/sync/status') response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<p>[]</p>');
  });
  t.is((await sync(peer, 0)).code, 'PEER_NOT_SYNC');
});
