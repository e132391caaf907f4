import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';
import { listenAt } from './http2-support.js';

async function connection(
  t: ExecutionContext,
): Promise<{ readonly socket: Socket; readonly read: () => string; readonly over: readonly boolean[] }> {
  const sync = createSyncServer({ source: new MemorySource(sealedChain(3)) });
  const listener = nodeListener(sync);
  const over: boolean[] = [];
  const server = createServer((req, res) => {
    const at = over.push(false) - 1;
    res.once('close', () => (over[at] = true));
    listener(req, res);
  });
  const socket = connect(await listenAt(server), '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => (text += more));
  socket.on('error', () => undefined);
  t.teardown(async () => {
    socket.destroy();
    await sync.close();
    server.closeAllConnections();
    server.close();
  });
  return { socket, read: () => text, over };
}

const GET = 'GET /sync/status HTTP/1.1\r\nHost: a\r\n\r\n';
const count = (text: string, word: string): number => text.split(word).length - 1;

test('a connection that sends a body is closed with the answer, however much of it is still to come', async (t) => {
  for (const method of ['GET', 'POST']) {
    const { socket, read } = await connection(t);
    socket.write(`${method} /sync/status HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx`);
    await once(socket, 'close');
    t.regex(read(), method === 'GET' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 405 /);
  }
});

test('a connection with more requests than wait for answers in good order is closed', async (t) => {
  const { socket, read, over } = await connection(t);
  socket.write(GET.repeat(1_000));
  await once(socket, 'close');
  // An idle connection is closed as well, but after all were answered.
  t.true(count(read(), 'HTTP/1.1 200 ') <= 32);
  // What was taken and can't be sent any more is not held until the client would count as stalled.
  await until(() => over.slice(0, 32).every((isOver) => isOver));
});

test('some requests behind each other are answered in order on one connection', async (t) => {
  const { socket, read } = await connection(t);
  socket.write(`${GET.repeat(19)}${GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`);
  await once(socket, 'close');
  t.is(count(read(), 'HTTP/1.1 200 '), 20);
});
