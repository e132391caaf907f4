import test from 'ava';
import { snapshotTransport } from '../../plugins/transport-snapshot/client/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
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

test('a snapshot that the peer has in another codec than the first that both know is found', async (t) => {
  const { manifest } = makeSnapshot({ codec: 'gzip' });
  const asked: (string | null)[] = [];
  const origin = await listen(t, (request, response) => {
    const codec = new URL(request.url ?? '/', 'http://localhost').searchParams.get('codec');
    asked.push(codec);
    // As a server answers that offers the codec, and has made nothing in it.
    if (codec === 'gzip') response.end(JSON.stringify(manifest));
    else problem(response, 404, 'SNAPSHOT_UNAVAILABLE');
  });
  t.deepEqual(await client().manifest({ url: origin, headers: {} }, want, { signal }), manifest);
  t.deepEqual(asked, ['bzip2', 'gzip']);
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

test('a manifest has at most the parts that are allowed, and has to be whole JSON', async (t) => {
  const { signal } = new AbortController();
  const { manifest } = makeSnapshot({ partBytes: 100 });
  const text = JSON.stringify(manifest);
  let body = text;
  const origin = await listen(t, (_request, response) => response.end(body));
  const ask = (maxParts: number): Promise<unknown> =>
    client({ maxParts }).manifest({ url: origin, headers: {} }, { ...want, codecs: ['gzip'] }, { signal });
  const { length } = manifest.parts;
  t.true(length > 1);
  t.deepEqual(await ask(length), manifest);
  t.regex((await failure(ask(length - 1))).message, new RegExp(`more than ${length - 1} parts`));
  for (body of ['<html>', '', '[]', text.slice(0, -1), '{"parts":[]', '{"version":1 1,"parts":[]}']) {
    const { code, message } = await failure(ask(1000));
    t.is(code, 'PEER_NOT_SYNC', `${body.slice(0, 40)}: ${message}`);
  }
});

test('a manifest is read whatever its white space and the order of its members', async (t) => {
  const { signal } = new AbortController();
  const { manifest } = makeSnapshot({ partBytes: 100 });
  const { parts, ...others } = manifest;
  const more = { note: ['"parts":[', { parts: [1] }], 'a"parts': 5 };
  const forms = [
    JSON.stringify(manifest, null, 2),
    JSON.stringify(manifest, null, '\t').replaceAll('\n', '\r\n').replaceAll('":', '" :'),
    JSON.stringify({ parts: parts.map((part) => ({ x: [{}], ...part })), ...others, ...more }),
    ` ${JSON.stringify(manifest)}\n`,
  ];
  let body = '';
  const origin = await listen(t, (_request, response) => {
    // In pieces, so that everything is cut somewhere.
    for (let at = 0; at < body.length; at += 7) response.write(body.slice(at, at + 7));
    response.end();
  });
  for (body of forms) {
    const ask = client().manifest({ url: origin, headers: {} }, { ...want, codecs: ['gzip'] }, { signal });
    t.deepEqual(await ask, manifest);
  }
});

test('a manifest whose list of parts is not just one list of parts is refused', async (t) => {
  const { signal } = new AbortController();
  const { manifest } = makeSnapshot({ partBytes: 100 });
  const { parts, ...others } = manifest;
  const list = JSON.stringify(parts);
  const text = JSON.stringify(others).slice(1);
  const bodies = [
    `{"parts":${list},"parts":${list},${text}`,
    `{"parts":${list},"p\\u0061rts":[1],${text}`,
    `{"parts":${list.replace('},{', '},,{')},${text}`,
    `{"parts":${list.replace('},{', '}{')},${text}`,
    `{"parts":${list.replace(/]$/, ',]')},${text}`,
    `{"parts":[1],${text}`,
    `{"parts":{},${text}`,
    `{"a\\"parts":${list},${text}`,
    `{"parts":${list},${text}{}`,
    `{"parts":${list.replace('"sha256":"', '"sha256":"A')},${text}`,
    `{"parts":${list.replace('"length":', '"length":1.5,"l":')},${text}`,
  ];
  let body = '';
  const origin = await listen(t, (_request, response) => response.end(body));
  for (body of bodies) {
    const ask = client().manifest({ url: origin, headers: {} }, { ...want, codecs: ['gzip'] }, { signal });
    t.is((await failure(ask)).code, 'SNAPSHOT_CORRUPT', body.slice(0, 60));
  }
});

test('a manifest is refused for what it says before its parts are hashed', async (t) => {
  const { manifest } = makeSnapshot();
  const wrongRoot = { ...manifest, root: '0'.repeat(64) };
  const origin = await listen(t, (_request, response) => response.end(JSON.stringify(wrongRoot)));
  const seen: unknown[] = [];
  const check = (claims: unknown): Promise<void> => {
    seen.push(claims);
    return Promise.reject(new SyncError('SNAPSHOT_UNTRUSTED', 'Nobody has signed it.'));
  };
  const options = { signal, check };
  const ask = client().manifest({ url: origin, headers: {} }, { ...want, codecs: ['gzip'] }, options);
  t.is((await failure(ask)).code, 'SNAPSHOT_UNTRUSTED');
  const { parts, ...claims } = wrongRoot;
  t.true(parts.length > 0);
  t.deepEqual(seen, [claims]);
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
    { maxParts: -1 },
    { maxParts: 1_000_001 },
  ])
    t.throws(() => snapshotTransport(options), { instanceOf: TypeError });
});
