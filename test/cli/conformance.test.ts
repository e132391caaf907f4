import test from 'ava';
import express from 'express';
import { plainApp } from '../../bench/rivals/plain-server.js';
import type { PlainBlock } from '../../bench/rivals/plain-chain.js';
import type { ConformanceCase } from '../../src/cli/conformance/case.js';
import { CASES } from '../../src/cli/conformance/cases/index.js';
import { type CaseResult, conformance } from '../../src/cli/conformance/run.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../src/config/limits.js';
import type { HttpFetch } from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { playCassette } from '../../src/testing/cassette/play.js';
import { recordCassette } from '../../src/testing/cassette/record.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen, serveSource } from '../helpers/servers.js';
import { serveAll } from '../helpers/whole-server.js';
import { jsonLines } from './cli.js';
import { run } from './in-process.js';
import { FAULTS, withFault } from './conformance-faults.js';

const limits = DEFAULT_TRANSPORT_LIMITS;
const signal = new AbortController().signal;

async function hold(
  url: string,
  fetch: HttpFetch,
  cases: readonly ConformanceCase[] = CASES,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const asking = { deps: { fetch, limits }, peer: { url, headers: {} }, signal };
  for await (const result of conformance(asking, cases)) results.push(result);
  return results;
}

const idsOf = (results: readonly CaseResult[], state: CaseResult['state']): readonly string[] =>
  results.filter((result) => result.state === state).map(({ id }) => id);

/** Runs for all faults: those of one run are of cases far from each other, and each has to fail its own and no other. */
const ROWS = 24;

/** Cases that need a codec which this runtime may not have, or a chain that begins higher. */
const MAY_NOT_APPLY = ['json-zstd', 'frames-zstd', 'stream-zstd', 'stream-below-base', 'tile-zstd'];

test('our server does all that the protocol asks, and each fault of one fails exactly its case', async (t) => {
  const url = await serveAll(t);
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const recorder = recordCassette(http.fetch);
  const results = await hold(url, recorder.fetch);
  t.deepEqual(
    results.filter(({ state }) => state === 'failed'),
    [],
  );
  t.deepEqual(
    idsOf(results, 'skipped').filter((id) => !MAY_NOT_APPLY.includes(id)),
    [],
  );
  const cassette = recorder.text();
  // Of the many spellings of no height those that a fault is about.
  const few = CASES.map((one) => {
    const values = one.values?.filter((value) => ['', '1e3', '0x10', '1.5', 'short'].includes(value));
    return values === undefined ? one : { ...one, values };
  });
  for (let row = 0; row < ROWS; row++) {
    const faults = FAULTS.filter((_fault, at) => at % ROWS === row);
    const hits = faults.map(() => ({ count: 0 }));
    const fetch = faults.reduce<HttpFetch>(
      (inner, fault, at) => withFault(inner, fault, hits[at] ?? { count: 0 }),
      playCassette(cassette),
    );
    const failed = idsOf(await hold(url, fetch, few), 'failed');
    const which = faults
      .map(({ id, path, change }) => `${id} ${String(path)} ${change.toString()}`)
      .join('\n');
    t.deepEqual(failed.toSorted(), faults.map(({ id }) => id).toSorted(), which);
    t.false(
      hits.some(({ count }) => count === 0),
      which,
    );
  }
  const tried = new Set(FAULTS.map(({ id }) => id));
  t.deepEqual(
    CASES.map(({ id }) => id).filter((id) => !tried.has(id) && !MAY_NOT_APPLY.includes(id)),
    [],
  );
});

test('a chain that begins above height 0 is held to what that asks', async (t) => {
  const url = `${await serveSource(t, new MemorySource(sealedChain(9), { base: 4 }))}/sync`;
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const below = CASES.filter(({ id }) => id === 'stream-below-base');
  const asking = { deps: { fetch: http.fetch, limits }, peer: { url, headers: {} }, signal };
  for await (const result of conformance(asking, below)) t.is(result.state, 'passed', result.detail);
  const lying: HttpFetch = async (target, init) => {
    const response = await http.fetch(target, init);
    return response.status === 410 ? { ...response, status: 404 } : response;
  };
  const unsound = { ...asking, deps: { fetch: lying, limits } };
  for await (const result of conformance(unsound, below)) t.is(result.detail, 'status 404, not 410');
});

const FAILED_BY_PLAIN = [
  'status',
  'status-type',
  'json-lines',
  'json-backwards',
  'json-heights',
  'json-etag',
  'json-head',
  'json-live-not-kept',
  'json-forked',
  'stream-headers',
  'stream-gzip',
  'stream-resumes',
  'stream-finished',
  'stream-heights',
  'stream-codec-unknown',
  'stream-forked',
  'stream-follow-begins',
  'stream-heartbeat',
];

const PASSED_BY_PLAIN = [
  'health',
  'ready',
  'json-inclusive',
  'json-one',
  'json-cut-at-head',
  'json-beyond-head',
  'json-parent',
  'stream-above-head',
  'stream-follow-complete',
];

test('of a server that does not answer, or not to us, nothing is said but that', async (t) => {
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const refusing = await listen(t, (_request, response) => response.writeHead(401).end());
  await t.throwsAsync(hold('http://127.0.0.1:1', http.fetch), { code: 'PEER_UNREACHABLE' });
  await t.throwsAsync(hold(refusing, http.fetch), { code: 'PEER_UNAUTHORIZED' });
});

test('no case goes on beyond its deadline, nor an answer beyond its bound', async (t) => {
  const piece = Buffer.alloc(1024 * 1024);
  const url = await listen(t, (request, response) => {
    if (request.url === '/status') return response.end('{}');
    if (request.url === '/silent') return response.write('[');
    const more = (): void => {
      while (response.write(piece));
    };
    response.on('drain', more);
    more();
    return response;
  });
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const base = { section: '2', title: 'An answer ends.' };
  const results = await hold(url, http.fetch, [
    { ...base, id: 'silent', withinMs: 100, steps: [{ path: '/silent', answers: { 200: {} } }] },
    { ...base, id: 'endless', withinMs: 60_000, steps: [{ path: '/endless', answers: { 200: {} } }] },
  ]);
  t.deepEqual(
    results.map(({ id, state, detail }) => [id, state, detail]),
    [
      ['silent', 'failed', 'it was not over within 100 ms'],
      ['endless', 'failed', 'the body has more than 67108864 bytes'],
    ],
  );
});

test('what a plain server lacks is told, and the command ends with 1', async (t) => {
  const blocks = sealedChain(5).map((document) => JSON.parse(Buffer.from(document).toString()) as PlainBlock);
  const url = await listen(t, express().use('/sync', plainApp(blocks)));
  const { code, stdout, stderr } = await run(['conformance', url, '--json']);
  t.is(code, 1);
  t.regex(stderr, /CONFORMANCE_FAILED/);
  const { cases, failed } = jsonLines(stdout).at(-1) as unknown as {
    readonly cases: readonly CaseResult[];
    readonly failed: number;
  };
  t.is(failed, idsOf(cases, 'failed').length);
  t.deepEqual(idsOf(cases, 'failed'), FAILED_BY_PLAIN);
  t.deepEqual(idsOf(cases, 'passed'), PASSED_BY_PLAIN);
});
