import test from 'ava';
import { snapshotTransport } from '../../plugins/transport-snapshot/client/index.js';
import { isSyncError, type SyncError } from '../../src/errors/index.js';
import { listen } from '../helpers/servers.js';
import { client, makeSnapshot, problem, serveSnapshots } from './snapshot-client-support.js';

const { signal } = new AbortController();
const want = { type: 'recent', codecs: ['bzip2', 'gzip', 'identity'] } as const;

async function failure(promise: Promise<unknown>): Promise<SyncError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isSyncError(error)) throw new Error(`No SyncError: ${String(error)}`);
  return error;
}

test('the manifest comes in the first codec that the peer has', async (t) => {
  const [packed, plain] = [makeSnapshot({ codec: 'gzip' }), makeSnapshot({ codec: 'identity' })];
  const server = await serveSnapshots(t, [plain, packed]);
  t.deepEqual(await client().manifest(server.peer, want, { signal }), packed.manifest);
  t.deepEqual(server.manifests, ['?type=recent&codec=bzip2', '?type=recent&codec=gzip']);
});

test('a peer without a common codec, and a client without any, is told so', async (t) => {
  const server = await serveSnapshots(t, [makeSnapshot()]);
  for (const codecs of [['bzip2', 'zstd'], []]) {
    const error = await failure(client().manifest(server.peer, { ...want, codecs }, { signal }));
    t.is(error.code, 'CODEC_UNAVAILABLE');
    t.is(error.context.peer, server.peer.url);
  }
});

test('a peer that serves no snapshots has no manifest', async (t) => {
  const server = await serveSnapshots(t, []);
  t.is(await client().manifest(server.peer, want, { signal }), null);
  const origin = await listen(t, (_request, response) => response.writeHead(404).end('nothing'));
  t.is(await client().manifest({ url: `${origin}/sync`, headers: {} }, want, { signal }), null);
});

test('a snapshot that is being made says when to ask again', async (t) => {
  const origin = await listen(t, (_request, response) => {
    problem(response, 503, 'SNAPSHOT_BUILDING', { 'retry-after': '7' });
  });
  const error = await failure(client().manifest({ url: origin, headers: {} }, want, { signal }));
  t.is(error.code, 'SNAPSHOT_BUILDING');
  t.is(error.context.retryAfterMs, 7000);
  t.is(error.context.peer, origin);
});

test('a peer that is busy for another reason is only busy', async (t) => {
  const origin = await listen(t, (_request, response) => {
    problem(response, 503, 'STORE_IO', { 'retry-after': '3' });
  });
  const error = await failure(client().manifest({ url: origin, headers: {} }, want, { signal }));
  t.is(error.code, 'PEER_BUSY');
  t.is(error.context.retryAfterMs, 3000);
});

test('a manifest that is not what was asked for, or does not add up, is refused', async (t) => {
  const { manifest } = makeSnapshot();
  const [part] = manifest.parts;
  const wrong: [string, object][] = [
    ['its type is full where recent', { ...manifest, type: 'full' }],
    ['its codec is identity where gzip', { ...manifest, codec: 'identity' }],
    ['its version', { ...manifest, version: 2 }],
    ['its base 9 is above', { ...manifest, base: 9 }],
    ['together, its size says', { ...manifest, size: manifest.size + 1 }],
    ['its root is not that of its parts', { ...manifest, root: '0'.repeat(64) }],
    ['its member parts', { ...manifest, parts: [] }],
    ['its member parts.rawLength', { ...manifest, parts: [{ ...part, rawLength: 17 * 1024 * 1024 }] }],
    ['its member id', { ...manifest, id: '../../etc' }],
  ];
  let served = {};
  const origin = await listen(t, (_request, response) => response.end(JSON.stringify(served)));
  for (const [message, document] of wrong) {
    served = document;
    const ask = client().manifest({ url: origin, headers: {} }, { ...want, codecs: ['gzip'] }, { signal });
    const error = await failure(ask);
    t.is(error.code, 'SNAPSHOT_CORRUPT');
    t.true(error.message.includes(message), error.message);
  }
});

test('a manifest is not read beyond its limit, and has to be whole JSON', async (t) => {
  const { manifest } = makeSnapshot();
  const text = JSON.stringify(manifest);
  let body = text;
  const origin = await listen(t, (_request, response) => response.end(body));
  const ask = (maxManifestBytes: number): Promise<unknown> =>
    client({ maxManifestBytes }).manifest(
      { url: origin, headers: {} },
      { ...want, codecs: ['gzip'] },
      { signal },
    );
  t.deepEqual(await ask(text.length), manifest);
  t.regex((await failure(ask(text.length - 1))).message, new RegExp(`more than ${text.length - 1} bytes`));
  body = '<html>';
  t.is((await failure(ask(1000))).code, 'PEER_NOT_SYNC');
});

test('a peer that sends half a manifest, or nothing, is left in time', async (t) => {
  let how: 'cut' | 'hang' = 'cut';
  const origin = await listen(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('{"version":1', () => {
      if (how === 'cut') response.destroy();
    });
  });
  const ask = (limits: { readonly idleTimeoutMs?: number }): Promise<unknown> =>
    client({}, limits).manifest({ url: origin, headers: {} }, want, { signal });
  t.is((await failure(ask({}))).code, 'STREAM_TRUNCATED');
  how = 'hang';
  t.is((await failure(ask({ idleTimeoutMs: 100 }))).code, 'PEER_TIMEOUT');
});

test('the headers of a peer go with each request, and redirects are not followed', async (t) => {
  const seen: (string | undefined)[] = [];
  const origin = await listen(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: 'http://elsewhere.example/' }).end();
  });
  const peer = { url: origin, headers: { authorization: 'Bearer x' } };
  t.is((await failure(client().manifest(peer, want, { signal }))).code, 'REDIRECT_REFUSED');
  t.deepEqual(seen, ['Bearer x']);
});

test('options out of bounds are mistakes of the caller', (t) => {
  for (const options of [
    { connections: 0 },
    { connections: 33 },
    { connections: 1.5 },
    { backoffMs: 0 },
    { maxManifestBytes: -1 },
  ])
    t.throws(() => snapshotTransport(options), { instanceOf: TypeError });
});
