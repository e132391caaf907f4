import { once } from 'node:events';
import { connect, constants, createServer, type ClientHttp2Session } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { createHttp2CleartextServer } from '../../src/server/http2.js';
import { trackSessions } from '../../src/server/http2/sessions.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { turns, until } from '../helpers/waiting.js';
import { listenAt } from './http2-support.js';

async function session(t: ExecutionContext): Promise<ClientHttp2Session> {
  const sync = createSyncServer({ source: new MemorySource(sealedChain(3)) });
  const server = createHttp2CleartextServer(nodeListener(sync));
  const client = connect(`http://127.0.0.1:${await listenAt(server)}`);
  client.on('error', () => undefined);
  t.teardown(async () => {
    client.destroy();
    await sync.close();
    server.close();
  });
  await once(client, 'remoteSettings');
  return client;
}

/** Sends again and again until the session ends; gives what the server said at its end. */
async function floodedWith(client: ClientHttp2Session, send: () => void): Promise<number | null> {
  let told: number | null = null;
  client.once('goaway', (code: number) => {
    told = code;
  });
  for (let sent = 0; sent < 2_000 && !client.destroyed && !client.closed; sent++) {
    send();
    await turns(1);
  }
  await until(() => client.destroyed || client.closed);
  return told;
}

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } = constants;

const floods: readonly (readonly [string, (client: ClientHttp2Session) => void])[] = [
  ['pings', (client) => void client.ping(() => undefined)],
  [
    'settings',
    (client) => {
      client.settings({ headerTableSize: 4096 });
    },
  ],
  [
    'requests that are called off',
    (client) => {
      const stream = client.request({ ':path': '/sync/status' });
      stream.on('error', () => undefined);
      stream.close(NGHTTP2_CANCEL);
    },
  ],
];

for (const [name, send] of floods) {
  test(`a session that is flooded with ${name} is ended`, async (t) => {
    const client = await session(t);
    t.is(
      await floodedWith(client, () => {
        send(client);
      }),
      NGHTTP2_ENHANCE_YOUR_CALM,
    );
  });
}

test('a client that asks for much, and calls some of it off, keeps its session', async (t) => {
  const client = await session(t);
  t.is(client.remoteSettings.maxConcurrentStreams, 100);
  for (let count = 0; count < 600; count++) {
    const stream = client.request({ ':path': '/sync/status' });
    stream.resume();
    if (count % 10 === 0) stream.close(NGHTTP2_CANCEL);
    await once(stream, 'close');
  }
  t.false(client.destroyed);
});

test('a session without streams is closed, and one whose stream is silent is not', async (t) => {
  const server = createServer((req, res) => {
    res.write('begun');
    if (req.url === '/short') res.end();
  });
  trackSessions(server, { idleMs: 1000 });
  const origin = `http://127.0.0.1:${await listenAt(server)}`;
  const busy = connect(origin);
  t.teardown(() => {
    busy.destroy();
    server.close();
  });
  const silent = busy.request({ ':path': '/long' });
  await once(silent, 'data');
  const idle = connect(origin);
  idle.request({ ':path': '/short' }).resume();
  // The silent one has been so for longer by then.
  await once(idle, 'close');
  t.false(busy.closed);
  t.false(silent.destroyed);
});
