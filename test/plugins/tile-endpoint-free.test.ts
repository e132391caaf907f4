import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import compression from 'compression';
import express from 'express';
import { http2Fetch } from '../../src/http2-client/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { closeHttp2Server, createHttp2CleartextServer } from '../../src/server/http2.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { tileNameOf, tilePath } from '../../src/tiles/name.js';
import { listenAt } from '../server/http2-support.js';
import { listen } from '../helpers/servers.js';
import { tileOf, TileSource } from '../helpers/tile-list.js';
import { until } from '../helpers/waiting.js';

test('a body is given back once all of it was sent, and never one whose client has gone', async (t) => {
  // More than the buffers of a connection take.
  const body = randomBytes(16 * 1024 * 1024);
  const tile = tileOf(0, 0, { bytes: body.length, documentBytes: body.length });
  const source = new TileSource([tile], () => body);
  const freed: Uint8Array[] = [];
  Object.assign(source.tiles, { free: (bytes: Uint8Array) => void freed.push(bytes) });
  const server = createSyncServer({ source });
  t.teardown(() => server.close({ graceMs: 0 }));
  const listener = nodeListener(server);
  let closed = 0;
  const origin = await listen(t, (req, res) => {
    res.once('close', () => closed++);
    listener(req, res);
  });
  const path = `/sync/tiles/${tilePath(tileNameOf(tile))}`;

  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, 'data');
  socket.destroy();
  await until(() => closed === 1);

  const response = await fetch(`${origin}${path}`);
  t.is(freed.length, 0, 'Nothing is given back before it was read.');
  t.true(body.equals(Buffer.from(await response.arrayBuffer())));
  await until(() => freed.length === 1);
  t.is(freed[0], body);
});

test('Express and HTTP/2 give a body back, and middleware that got it does not', async (t) => {
  const body = randomBytes(300_000);
  const tile = tileOf(0, 0, { bytes: body.length, documentBytes: body.length });
  const source = new TileSource([tile], () => body);
  let freed = 0;
  Object.assign(source.tiles, { free: () => (freed += 1) });
  const middleware = syncMiddleware({ source });
  t.teardown(() => middleware.close({ graceMs: 0 }));
  const app = express()
    .use('/compressed', compression({ threshold: 0, filter: () => true }), middleware)
    .use('/sync', middleware);
  const origin = await listen(t, app);
  const http2 = createHttp2CleartextServer(app);
  const http2Origin = `http://127.0.0.1:${await listenAt(http2)}`;
  t.teardown(() => closeHttp2Server(http2, { graceMs: 0 }));
  const overHttp2 = http2Fetch();
  t.teardown(() => overHttp2.close());
  const path = `tiles/${tilePath(tileNameOf(tile))}`;
  const gives = async (response: Response): Promise<void> => {
    t.true(body.equals(Buffer.from(await response.arrayBuffer())));
  };

  await gives(await fetch(`${origin}/compressed/${path}`));
  await gives(await overHttp2(`${http2Origin}/compressed/${path}`));
  await gives(await fetch(`${origin}/sync/${path}`));
  await until(() => freed === 1);
  await gives(await overHttp2(`${http2Origin}/sync/${path}`));
  await until(() => freed === 2);
  await middleware.close();
  t.is(freed, 2);
});
