import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { CASES } from '../../src/cli/conformance/cases/index.js';
import { type CaseResult, conformance } from '../../src/cli/conformance/run.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../src/config/limits.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';

const limits = DEFAULT_TRANSPORT_LIMITS;
const MIB = 1024 * 1024;
const SAFE = Number.MAX_SAFE_INTEGER;
/** Long enough for what is answered at all. */
const WITHIN_MS = 30_000;

type Respond = (response: ServerResponse, request: IncomingMessage) => void;

interface Held {
  /** Cases to run; all by default. */
  readonly ids?: readonly string[];
  readonly withinMs?: number;
  readonly runMs?: number;
}

/** Holds a server to the protocol that answers each path by what is given for its beginning, and 404 to all others. */
async function hold(
  t: ExecutionContext,
  answers: Readonly<Record<string, Respond>>,
  { ids, withinMs = WITHIN_MS, runMs = SAFE }: Held = {},
): Promise<readonly CaseResult[]> {
  const url = await listen(t, (request, response) => {
    const found = Object.entries(answers).find(([path]) => request.url?.startsWith(path));
    if (found === undefined) response.writeHead(404).end();
    else found[1](response, request);
  });
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const cases = CASES.filter(({ id }) => ids?.includes(id) ?? true).map((one) => ({ ...one, withinMs }));
  const { signal } = new AbortController();
  const asking = { deps: { fetch: http.fetch, limits }, peer: { url, headers: {} }, signal, withinMs };
  const results: CaseResult[] = [];
  for await (const result of conformance(asking, cases, { runMs })) results.push(result);
  return results;
}

function status(members: object = {}): Respond {
  const ref = { height: 10, hash: 'x' };
  const said = {
    protocol: 1,
    chain: 'sealed-json',
    chainId: 'x',
    base: 0,
    head: ref,
    finalized: ref,
    codecs: { stream: ['gzip'], json: ['identity'], snapshot: [], frames: ['identity'] },
    tiles: { from: 0, to: 1_023, tail: null },
    limits: { maxRange: 10 },
    snapshots: [],
    signers: [],
    ...members,
  };
  return (response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
}

/** The same bytes again and again: so many times, or for ever. */
function again(text: string, times = Infinity, type = 'application/x-ndjson'): Respond {
  const piece = Buffer.from(text.repeat(Math.ceil(MIB / text.length)));
  return (response) => {
    response.setHeader('content-type', type);
    let left = times * text.length;
    const more = (): void => {
      while (left > 0) {
        const isTaken = response.write(piece.subarray(0, Math.min(left, piece.length)));
        left -= piece.length;
        if (!isTaken) return;
      }
      response.end();
    };
    response.on('drain', more);
    more();
  };
}

const detailsOf = (results: readonly CaseResult[]): Readonly<Record<string, string>> =>
  Object.fromEntries(results.filter(({ state }) => state === 'failed').map(({ id, detail }) => [id, detail]));

test('a folder without a status, and an address with nothing of the protocol, are told once', async (t) => {
  const folder = pathToFileURL(tempDir(t)).href;
  const { code, stdout, stderr } = await run(['conformance', folder]);
  t.is(code, 1);
  t.is(stdout.length, 0);
  t.regex(stderr, /^PEER_NOT_FOUND: There is no file status in file:\/\/\/.*`blockferry publish`/);
  const circle: Respond = (response, { url = '' }) => response.writeHead(302, { location: url }).end();
  await t.throwsAsync(hold(t, { '/': circle }), { code: 'PEER_NOT_FOUND', message: /status \(302\), nor/ });
});

test('a status that drips, or whose head is huge, ends the run, and one that breaks off is a failed case', async (t) => {
  const drip: Respond = (response) => {
    const timer = setInterval(() => response.write(' '), 10);
    response.once('close', () => {
      clearInterval(timer);
    });
  };
  await t.throwsAsync(hold(t, { '/status': drip }, { withinMs: 200 }), { code: 'PEER_TIMEOUT' });
  const huge: Respond = (response) => response.setHeader('x-much', 'x'.repeat(100_000)).end('{}');
  await t.throwsAsync(hold(t, { '/status': huge }), { code: 'PEER_UNREACHABLE', message: /overflow/i });
  const cut: Respond = (response) => {
    response.write('{', () => response.destroy());
  };
  const failed = detailsOf(await hold(t, { '/status': cut }, { ids: ['status'] }));
  t.regex(failed['status'] ?? '', /broke off/);
});

test('numbers and names that nothing can have keep no case from its end', async (t) => {
  const ref = { height: SAFE, hash: 'x' };
  const absurd = status({
    chain: '__proto__',
    base: SAFE,
    head: ref,
    codecs: { stream: ['__proto__'], json: ['constructor'], frames: ['gzip'], snapshot: [] },
    limits: { maxRange: 1e308, maxWaitMs: -1, streamLeaseMs: 1e300 },
    tiles: { from: 0, to: SAFE },
    snapshots: [{ type: 'full', id: '../'.repeat(5_000), ...ref }],
  });
  const results = await hold(t, { '/status': absurd });
  t.is(results.length, CASES.length);
  for (const { detail, request } of results) t.true(detail.length + (request ?? '').length <= 1_002);
  t.true('tiles-index' in detailsOf(results));
});

test('what has too many lines, frames, elements or events is refused before it is held as such', async (t) => {
  const ranges: Respond = (response, request) => {
    const { accept = '' } = request.headers;
    if (accept.includes('frames')) again('\0\0\0\0', 1_000_000)(response, request);
    else if (accept.includes('ndjson')) again('\n', 1_000_000)(response, request);
    else again('[[],', 1_000_000, 'application/json')(response, request);
  };
  const answers = { '/status': status(), '/json': ranges, '/stream': again(':\n\n', 1_000_000) };
  const ids = ['json-lines', 'json-inclusive', 'frames-identity', 'stream-gzip'];
  const failed = detailsOf(await hold(t, answers, { ids }));
  t.deepEqual(Object.keys(failed).toSorted(), ids.toSorted());
  t.regex(failed['json-lines'] ?? '', /more than 10000 lines/);
  t.regex(failed['json-inclusive'] ?? '', /PROTOCOL_VIOLATION/);
});

test('an index and a stream that never end are failures of their cases', async (t) => {
  const line = `${'x'.repeat(1_000)}\n`;
  const answers = { '/status': status(), '/tiles': again(line), '/stream': again(line) };
  const ids = ['tiles-index', 'stream-follow-begins'];
  const failed = detailsOf(await hold(t, answers, { ids }));
  for (const id of ids) t.is(failed[id], 'the body has more than 67108864 bytes');
});

test('words of a server are told in a short line', async (t) => {
  const type = 'x'.repeat(10_000);
  const problem: Respond = (response) => response.writeHead(400, { 'content-type': type }).end();
  const results = await hold(t, { '/status': status(), '/json': problem }, { ids: ['json-backwards'] });
  const detail = detailsOf(results)['json-backwards'] ?? '';
  t.regex(detail, /^the type is x+…$/);
  t.true(detail.length <= 501);
});

test('all cases together have a bound, also where the head is another one each time', async (t) => {
  let height = 10;
  const moving: Respond = (response, request) => {
    height += 1;
    status({ head: { height, hash: String(height) }, tiles: null })(response, request);
  };
  const results = await hold(t, { '/status': moving }, { runMs: 0 });
  t.is(results.length, CASES.length);
  t.deepEqual(
    new Set(results.map(({ state, detail }) => `${state}: ${detail}`)),
    new Set(['failed: all cases together take more than 0 ms']),
  );
});
