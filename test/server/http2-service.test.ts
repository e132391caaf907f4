import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Agent, fetch as undiciFetch } from 'undici';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import type { AbortOptions, BlockRange, Frame, ServerLimits } from '../../src/contracts/index.js';
import { http2Fetch } from '../../src/http2-client/index.js';
import { createSyncEngine, openChain, type SyncEngineConfig } from '../../src/index.js';
import { closeHttp2Server, createHttp2CleartextServer, createHttp2Server } from '../../src/server/http2.js';
import { createSyncServer, nodeListener, type SyncServer } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { standsStill, until } from '../helpers/waiting.js';
import { listenAt } from './http2-support.js';
import { tlsTest } from './http2-tls-test.js';

type Fetch = typeof globalThis.fetch;

/** Error codes of RFC 9113 section 7. */
const INTERNAL_ERROR = 2;

/** Serves without TLS, and closes everything when the test ends. */
async function serve(t: ExecutionContext, server: SyncServer, seen: string[] = []): Promise<string> {
  const listener = nodeListener(server);
  const http2 = createHttp2CleartextServer((req, res) => {
    seen.push(`${req.httpVersion} ${req.url ?? ''} ${req.headers.range ?? ''}`);
    listener(req, res);
  });
  const port = await listenAt(http2);
  t.teardown(async () => {
    await server.close();
    await closeHttp2Server(http2, { graceMs: 100 });
  });
  return `http://127.0.0.1:${port}`;
}

function session(t: ExecutionContext, origin: string): ClientHttp2Session {
  const opened = connect(origin);
  t.teardown(() => {
    opened.destroy();
  });
  return opened;
}

interface Head {
  readonly ':status'?: number;
  readonly 'retry-after'?: string;
}

/** Asks and waits for the head; nothing of the body is read. */
async function ask(
  client: ClientHttp2Session,
  path: string,
): Promise<{ head: Head; stream: ClientHttp2Stream }> {
  const stream = client.request({ ':path': path });
  stream.on('error', () => undefined);
  const [head] = (await once(stream, 'response')) as [Head];
  return { head, stream };
}

async function bodyOf(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

async function synced(config: SyncEngineConfig): Promise<Buffer> {
  const engine = createSyncEngine(config);
  try {
    await engine.start();
    const { chain } = engine;
    const documents: Uint8Array[] = [];
    for await (const frames of chain?.read({ from: 0, to: chain.tip().head?.height ?? -1 }) ?? [])
      for (const frame of frames) if (chain !== null) documents.push(chain.decode(frame).bytes);
    return ndjson(documents);
  } finally {
    await engine.close();
  }
}

test('an engine begins with a signed snapshot whose parts come by Range over HTTP/2', async (t) => {
  const dir = tempDir(t);
  const documents = sealedChain(120);
  const signer = await secp256k1Signer(new Uint8Array(32).fill(7));
  const chain = await openChain({ storage: { use: 'memory' } });
  await chain.append(documents);
  t.teardown(() => chain.close());
  const seen: string[] = [];
  const snapshots = { signer, directory: join(dir, 'snapshots'), maxPartBytes: 2_000 };
  const origin = await serve(t, createSyncServer({ source: chain, snapshots }), seen);
  const fetch = http2Fetch();
  t.teardown(() => fetch.close());
  const stored = await synced({
    peers: [`${origin}/sync`],
    mode: 'snapshot',
    trust: { signers: [signer.publicKey] },
    storage: { use: 'memory' },
    fetch,
  });
  t.true(stored.equals(ndjson(documents)));
  t.true(seen.every((each) => each.startsWith('2.0 ')));
  t.true(
    seen.filter((each) => / \/sync\/snapshot\/\S+ bytes=\d+-\d+$/.test(each)).length > 1,
    seen.join('\n'),
  );
});

/** Tells how many frames were taken out of it. */
class CountingSource extends MemorySource {
  taken = 0;

  override async *read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    for await (const frames of super.read(range, options)) {
      this.taken += frames.length;
      yield frames;
    }
  }
}

/** Blocks of 256 KiB that can't be compressed: 32 MiB in all. */
function largeSource(): CountingSource {
  const documents = sealedChain(128, () => ({ random: randomBytes(192 * 1024).toString('base64') }));
  return new CountingSource(documents, { codec: 'identity', batch: 1 });
}

test('a client that does not read holds up the reading of the store, and gets everything when it reads', async (t) => {
  const source = largeSource();
  const server = createSyncServer({ source });
  const client = session(t, await serve(t, server));
  for (const path of ['/sync/json?from=0&to=127', '/sync/stream?from_height=0&codec=identity']) {
    source.taken = 0;
    const { head, stream } = await ask(client, path);
    t.is(head[':status'], 200);
    const taken = await standsStill(() => source.taken);
    t.true(
      taken < 24,
      `${taken} of 128 blocks were read from the store for a client that takes none: ${path}`,
    );
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Uint8Array).length;
    t.true(bytes > 32 * 1024 * 1024);
    t.is(source.taken, 128);
  }
});

test('a stream that takes nothing for the write stall is reset, and others of its connection go on', async (t) => {
  const server = createSyncServer({ source: largeSource(), limits: { writeStallMs: 1500 } });
  const client = session(t, await serve(t, server));
  const { stream } = await ask(client, '/sync/stream?from_height=0');
  t.is(server.openStreams, 1);
  await new Promise((resolve) => stream.once('close', resolve));
  t.is(stream.rstCode, INTERNAL_ERROR);
  t.is(server.openStreams, 0);
  const status = await ask(client, '/sync/status');
  t.is(status.head[':status'], 200);
  t.regex(await bodyOf(status.stream), /"protocol":1/);
});

const bounds: readonly (readonly [string, Partial<ServerLimits>, number, string])[] = [
  ['of one address', { maxStreamsPerAddress: 2 }, 429, 'TOO_MANY_STREAMS'],
  ['of the server', { maxStreams: 2 }, 503, 'SERVER_BUSY'],
];

for (const [name, limits, status, code] of bounds) {
  test(`the streams ${name} are counted one by one, also those that share a connection`, async (t) => {
    const server = createSyncServer({ source: new MemorySource(sealedChain(3)), limits });
    const client = session(t, await serve(t, server));
    const path = '/sync/stream?follow=true';
    const first = await ask(client, path);
    const second = await ask(client, path);
    t.is(second.head[':status'], 200);
    const refused = await ask(client, path);
    t.is(refused.head[':status'], status);
    t.is(refused.head['retry-after'], '5');
    t.like(JSON.parse(await bodyOf(refused.stream)), { status, code });
    first.stream.close();
    await until(() => server.openStreams === 1);
    t.is((await ask(client, path)).head[':status'], 200);
  });
}

tlsTest(
  'a client that offers no h2 by ALPN is answered by HTTP/1.1 on the same port, and syncs',
  async (t, tls) => {
    const documents = sealedChain(50);
    const server = createSyncServer({ source: new MemorySource(documents) });
    const versions = new Set<string>();
    const listener = nodeListener(server);
    const secure = createHttp2Server((req, res) => {
      versions.add(req.httpVersion);
      listener(req, res);
    }, tls);
    let withoutDelay = 0;
    secure.prependListener('connection', (socket: Socket) => {
      const setNoDelay = socket.setNoDelay.bind(socket);
      socket.setNoDelay = (noDelay = true) => {
        if (noDelay) withoutDelay += 1;
        return setNoDelay(noDelay);
      };
    });
    const port = await listenAt(secure);
    t.teardown(async () => {
      await server.close();
      await closeHttp2Server(secure, { graceMs: 100 });
    });
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [[], false],
    ] as const) {
      const socket = connectTls({ port, host: '127.0.0.1', ca: tls.cert, ALPNProtocols: [...offered] });
      await once(socket, 'secureConnect');
      t.is(socket.alpnProtocol, chosen);
      socket.destroy();
    }
    t.is(withoutDelay, 3, 'no response waits for the acknowledgement of its head');
    const dispatcher = new Agent({ connect: { ca: tls.cert } });
    t.teardown(() => dispatcher.destroy());
    // The types of undici's Response and the global one differ in what nobody uses here.
    const overHttp1 = undiciFetch as unknown as (input: unknown, init: object) => Promise<Response>;
    const overHttp2 = http2Fetch({ connect: { ca: tls.cert } });
    t.teardown(() => overHttp2.close());
    for (const [fetch, version] of [
      [(input, init) => overHttp1(input, { ...init, dispatcher }), '1.1'],
      [overHttp2, '2.0'],
    ] as readonly (readonly [Fetch, string])[]) {
      versions.clear();
      const stored = await synced({
        peers: [`https://127.0.0.1:${port}/sync`],
        storage: { use: 'memory' },
        fetch,
      });
      t.true(stored.equals(ndjson(documents)));
      t.deepEqual([...versions], [version]);
    }
  },
);
