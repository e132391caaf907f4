import { gzipSync } from 'node:zlib';
import type { HttpFetch, HttpFetchInit, HttpFetchResponse } from '../../src/contracts/index.js';

/** An answer as a fault changes it. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly body: Buffer;
}

type Change = (answer: Answered) => Partial<Answered>;

/** One thing that a server does wrong: to which request, and what becomes of the right answer. */
export interface Fault {
  /** The one case that has to notice. */
  readonly id: string;
  readonly path: RegExp;
  /** Headers that the request has, or has not (`null`). */
  readonly asked?: Readonly<Record<string, RegExp | null>>;
  readonly method?: 'HEAD';
  /** Which of such requests, counted from 1; all by default. */
  readonly at?: number;
  readonly change: Change;
}

const status =
  (status: number): Change =>
  () => ({ status });
const header =
  (name: string, value: string | null): Change =>
  () => ({ headers: { [name]: value } });
const text =
  (change: (text: string) => string): Change =>
  ({ body }) => ({ body: Buffer.from(change(body.toString())) });
const json =
  (change: (members: Record<string, unknown>) => void): Change =>
  ({ body }) => {
    const members = JSON.parse(body.toString()) as Record<string, unknown>;
    change(members);
    return { body: Buffer.from(JSON.stringify(members)) };
  };

const LINES = { accept: /ndjson/ };
const PLAIN = { accept: null, 'accept-encoding': /^identity$/ };
const tile = /\/tiles\/000\/[^/]*\.gz$/;
const index = /\/tiles\/000\/index/;
const snapshot = /\/snapshot\/recent-[1-9][^/]*$/;

/** What servers of other makers might do; at least one for each case. The chain has the blocks 0 to 1,099. */
export const FAULTS: readonly Fault[] = [
  { id: 'status', path: /\/status/, change: json((members) => delete members['signers']) },
  { id: 'status-type', path: /\/status/, change: header('content-type', 'text/html') },
  {
    id: 'blocks-verify',
    path: /from=0&to=2$/,
    asked: LINES,
    at: 2,
    change: text((lines) => lines.replace(/note":"x/, 'note":"y')),
  },
  {
    id: 'blocks-verify',
    path: /from=0&to=2$/,
    asked: LINES,
    at: 2,
    change: text((lines) => lines.split('\n').toReversed().join('\n')),
  },
  {
    id: 'status-head',
    path: /from=1099&to=1099$/,
    asked: LINES,
    change: text(() => '{"another":"block"}\n'),
  },
  { id: 'health', path: /\/health/, change: text(() => '{"status":"fine"}') },
  { id: 'ready', path: /\/ready/, change: header('cache-control', 'max-age=5') },
  {
    id: 'json-inclusive',
    path: /from=0&to=2$/,
    asked: PLAIN,
    change: text((array) => JSON.stringify(JSON.parse(array), null, 1)),
  },
  {
    id: 'json-inclusive',
    path: /from=0&to=2$/,
    asked: PLAIN,
    change: text((array) => JSON.stringify((JSON.parse(array) as unknown[]).slice(0, -1))),
  },
  { id: 'json-one', path: /from=1&to=1$/, change: text(() => '[]') },
  {
    id: 'json-lines',
    path: /from=0&to=1$/,
    asked: LINES,
    change: text((lines) => `[${lines.trim().replace('\n', ',')}]`),
  },
  { id: 'json-lines', path: /from=0&to=1$/, asked: LINES, change: text((lines) => lines.trim()) },
  { id: 'json-cut-at-head', path: /from=1099&to=1108$/, change: status(416) },
  { id: 'json-beyond-head', path: /from=1001099&to=/, change: status(404) },
  { id: 'json-backwards', path: /from=2&to=1$/, change: () => ({ status: 200, body: Buffer.from('[]') }) },
  { id: 'json-backwards', path: /from=2&to=1$/, change: header('content-type', 'text/html') },
  { id: 'json-heights', path: /json\?from=1e3&/, change: status(200) },
  { id: 'json-heights', path: /json\?from=&/, change: status(404) },
  {
    id: 'json-too-large',
    path: /from=0&to=10000$/,
    change: json((members) => (members['code'] = 'BAD_REQUEST')),
  },
  {
    id: 'json-etag',
    path: /from=0&to=1$/,
    asked: { ...PLAIN, 'if-none-match': null },
    change: header('etag', 'W/"1"'),
  },
  { id: 'json-etag', path: /from=0&to=1$/, asked: { 'if-none-match': /./ }, change: status(200) },
  { id: 'json-head', path: /from=0&to=0$/, method: 'HEAD', change: header('etag', null) },
  {
    id: 'json-gzip',
    path: /from=0&to=2$/,
    asked: { 'accept-encoding': /gzip/ },
    change: header('vary', 'origin'),
  },
  {
    id: 'json-gzip',
    path: /from=0&to=2$/,
    asked: { 'accept-encoding': /gzip/ },
    change: header('content-encoding', null),
  },
  { id: 'json-final-kept', path: /from=0&to=2$/, asked: PLAIN, change: header('cache-control', 'no-cache') },
  {
    id: 'json-live-not-kept',
    path: /from=1099&to=1099$/,
    asked: PLAIN,
    change: header('cache-control', 'max-age=31536000, immutable'),
  },
  {
    id: 'json-forked',
    path: /json\?from=1100&to=1100&parent_hash=.*[^f]$/,
    change: json((members) => (members['ancestors'] as unknown[] | undefined)?.reverse()),
  },
  { id: 'json-parent', path: /json\?from=1100&to=1100&parent_hash=/, at: 2, change: status(409) },
  { id: 'frames-gzip', path: /frames=gzip/, change: ({ body }) => ({ body: body.subarray(0, -1) }) },
  { id: 'frames-identity', path: /frames=identity/, change: header('content-type', 'application/json') },
  {
    id: 'frames-identity',
    path: /frames=identity/,
    change: ({ body }) => ({ body: Buffer.concat([body.subarray(0, 4).reverse(), body.subarray(4)]) }),
  },
  { id: 'frames-unknown', path: /frames=no-such/, change: status(200) },
  { id: 'wait-here', path: /from=1099&wait=20/, change: header('cache-control', 'no-cache') },
  { id: 'wait-over', path: /wait=1$/, change: status(204) },
  { id: 'wait-seconds', path: /wait=1.5$/, change: status(200) },
  { id: 'stream-headers', path: /stream\?from_height=1099$/, change: header('x-accel-buffering', null) },
  {
    id: 'stream-gzip',
    path: /to_height=2$/,
    asked: { 'last-event-id': null },
    change: text((stream) => stream.replace('id: 1\n', '')),
  },
  {
    id: 'stream-gzip',
    path: /to_height=2$/,
    asked: { 'last-event-id': null },
    change: text((stream) => stream.replace(/event: complete.*/s, '')),
  },
  {
    id: 'stream-identity',
    path: /codec=identity/,
    change: text((stream) => stream.replaceAll('\n', '\r\n')),
  },
  {
    id: 'stream-identity',
    path: /codec=identity/,
    change: text((stream) => stream.replace(/,"note/, ', "note')),
  },
  {
    id: 'stream-resumes',
    path: /to_height=2$/,
    asked: { 'last-event-id': /0/ },
    change: text((stream) =>
      stream.replace(/^id: 1.*?\n\n/s, '').replace(/^(?:.*\n)*?event: block[^]*?\n\n/, ''),
    ),
  },
  {
    id: 'stream-finished',
    path: /stream\?from_height=0$/,
    change: () => ({ status: 200, body: Buffer.from('event: complete\ndata: {}\n\n') }),
  },
  {
    id: 'stream-above-head',
    path: /from_height=1001099/,
    change: text((stream) => stream.replace('1099', '1098')),
  },
  { id: 'stream-heights', path: /stream\?from_height=0x10$/, change: status(200) },
  { id: 'stream-codec-unknown', path: /stream.*no-such-codec/, change: status(200) },
  {
    id: 'stream-forked',
    path: /stream\?from_height=1100&parent_hash/,
    change: json((members) => (members['ancestors'] as unknown[]).shift()),
  },
  {
    id: 'stream-follow-begins',
    path: /from_height=1100&follow/,
    at: 1,
    change: text((stream) => `event: complete\ndata: {}\n\n${stream}`),
  },
  {
    id: 'stream-follow-complete',
    path: /from_height=1099&follow=true$/,
    change: text((stream) => stream.replace('event: complete', 'event: head')),
  },
  {
    id: 'stream-heartbeat',
    path: /from_height=1100&follow/,
    at: 2,
    change: text((stream) => stream.replace(/\n:.*/g, '')),
  },
  { id: 'stream-names', path: /client=short$/, change: status(200) },
  { id: 'stream-lease', path: /follow=true&client=conf/, change: header('x-stream-lease-ms', null) },
  { id: 'stream-lease', path: /stream\?client=/, method: 'HEAD', at: 1, change: status(404) },
  {
    id: 'stream-lease-unknown',
    path: /stream\?from_height=1099&client=/,
    method: 'HEAD',
    change: status(204),
  },
  {
    id: 'tiles-index',
    path: index,
    at: 2,
    asked: { 'if-none-match': null },
    change: text((lines) => lines.replace('"to":1023', '"to":1022')),
  },
  { id: 'tiles-index-unchanged', path: index, asked: { 'if-none-match': /./ }, change: status(200) },
  { id: 'tile-body', path: tile, at: 1, asked: { range: null }, change: () => ({ body: gzipSync('{}\n') }) },
  { id: 'tile-body', path: tile, at: 1, asked: { range: null }, change: header('content-encoding', 'gzip') },
  { id: 'tile-kept', path: tile, method: 'HEAD', change: header('cache-control', 'no-cache') },
  {
    id: 'tile-range',
    path: tile,
    asked: { 'if-range': /^"[0-9a-f]/ },
    change: ({ body }) => ({ body: Buffer.from(body).reverse() }),
  },
  {
    id: 'tile-range',
    path: tile,
    asked: { 'if-range': /^"[0-9a-f]/ },
    change: header('content-range', 'bytes 3-9/10'),
  },
  { id: 'tile-if-range', path: tile, asked: { 'if-range': /not-this/ }, change: status(206) },
  {
    id: 'tile-unknown',
    path: tile,
    at: 3,
    asked: { range: null },
    change: header('cache-control', 'max-age=60'),
  },
  {
    id: 'snapshot-head',
    path: snapshot,
    method: 'HEAD',
    at: 1,
    change: header('x-snapshot-signature', null),
  },
  {
    id: 'snapshot-newest',
    path: /snapshot\?type=recent/,
    method: 'HEAD',
    change: header('accept-ranges', 'none'),
  },
  {
    id: 'snapshot-manifest',
    path: /manifest$/,
    at: 2,
    change: json((members) => (members['timestamp'] = 1)),
  },
  { id: 'snapshot-manifest', path: /manifest$/, at: 2, change: json((members) => (members['size'] = 1)) },
  {
    id: 'snapshot-part',
    path: snapshot,
    asked: { range: /^bytes=0-/ },
    change: ({ body }) => ({ body: Buffer.from(body).reverse() }),
  },
  { id: 'snapshot-if-range', path: snapshot, asked: { 'if-range': /./ }, change: status(206) },
  {
    id: 'snapshot-range-beyond',
    path: snapshot,
    asked: { range: /9007/ },
    change: header('content-range', null),
  },
  { id: 'snapshot-unchanged', path: snapshot, asked: { 'if-none-match': /./ }, change: status(200) },
  { id: 'snapshot-type-unknown', path: /type=no-such/, change: status(200) },
  { id: 'snapshot-unknown', path: /recent-0-0/, change: status(500) },
];

/** The same server with a fault. @param hits - is counted up for each answer that is changed. */
export function withFault(inner: HttpFetch, fault: Fault, hits: { count: number }): HttpFetch {
  let seen = 0;
  return async (url, init) => {
    const response = await inner(url, init);
    if (!fits(fault, url, init)) return response;
    seen += 1;
    if (fault.at !== undefined && fault.at !== seen) return response;
    hits.count += 1;
    return changed(response, fault.change);
  };
}

function fits({ path, asked = {}, ...fault }: Fault, url: URL, init: HttpFetchInit): boolean {
  const headers = Object.entries(asked).every(([name, form]) => {
    const value = init.headers[name];
    return form === null ? value === undefined : value !== undefined && form.test(value);
  });
  return headers && (fault.method ?? 'GET') === init.method && path.test(url.pathname + url.search);
}

/** What stays open is changed as far as it was recorded, and ends. */
async function changed(response: HttpFetchResponse, change: Change): Promise<HttpFetchResponse> {
  const body = await whole(response);
  const now = change({ status: response.status, headers: {}, body });
  const { headers = {} } = now;
  const get = (name: string): string | null => {
    const value = headers[name];
    return value === undefined ? response.headers.get(name) : value;
  };
  const bytes = now.body ?? body;
  return {
    status: now.status ?? response.status,
    headers: { get },
    body: bytes.length === 0 ? null : new Blob([new Uint8Array(bytes)]).stream(),
  };
}

async function whole({ body }: HttpFetchResponse): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  const pieces: Uint8Array[] = [];
  const reader = body.getReader();
  for (;;) {
    const next = await Promise.race([
      reader.read(),
      new Promise<null>((resolve) => setTimeout(resolve, 20, null)),
    ]);
    if (next === null || next.done) break;
    pieces.push(next.value);
  }
  return Buffer.concat(pieces);
}
