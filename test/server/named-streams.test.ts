import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openChain } from '../../src/index.js';
import { Lease } from '../../src/server/named-streams.js';
import { createSyncServer, nodeListener, type SyncServerConfig } from '../../src/server/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(20);

const newName = (): string => randomBytes(16).toString('base64url');

async function serve(t: ExecutionContext, limits: NonNullable<SyncServerConfig['limits']>) {
  const source = await openChain({ storage: { use: 'memory' } });
  await source.append(documents);
  const told: unknown[] = [];
  const server = createSyncServer({ source, limits, onError: (error) => told.push(error) });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  return { server, told, stream: `${origin}/sync/stream`, status: `${origin}/sync/status` };
}

/** A follower that reads nothing and says nothing, as one behind a line that is gone. */
async function vanished(t: ExecutionContext, url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(url, (response) => {
      response.pause();
      response.on('error', () => undefined);
      resolve(response);
    });
    request.on('error', reject);
    t.teardown(() => request.destroy());
  });
}

const head = async (url: string): Promise<number> => (await fetch(url, { method: 'HEAD' })).status;

test('a follower that vanishes without a word loses its place when its name is not renewed, after a whole event', async (t) => {
  const { server, stream } = await serve(t, { streamLeaseMs: 300 });
  await vanished(t, `${stream}?follow=true`);
  const named = await vanished(t, `${stream}?follow=true&client=${newName()}`);
  t.is(server.openStreams, 2);
  await until(() => server.openStreams === 1);
  let text = '';
  named.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  named.resume();
  await once(named, 'end');
  t.true(text.endsWith('\n\n'));
  t.is(text.match(/^event: complete/gm)?.length, 1);
  // The one without a name has it until `maxStreamMs`.
  t.is(server.openStreams, 1);
});

test('a name that is given at the end of a long turn expires as well', async (t) => {
  const began = performance.now();
  while (performance.now() - began < 100);
  // Node counts its timers from the beginning of the turn, so the first one is over at once.
  const lease = new Lease(80);
  t.false(lease.expired.aborted);
  await until(() => lease.expired.aborted);
  t.true(performance.now() - began >= 180);
});

test('a stream whose name is renewed goes on', async (t) => {
  const { server, stream } = await serve(t, { streamLeaseMs: 2_000 });
  const name = newName();
  const response = await vanished(t, `${stream}?follow=true&client=${name}`);
  t.is(response.headers['x-stream-lease-ms'], '2000');
  const began = performance.now();
  while (performance.now() - began < 4_500) {
    t.is(await head(`${stream}?client=${name}`), 204);
    await delay(100);
  }
  t.is(server.openStreams, 1);
  await until(() => server.openStreams === 0);
  t.is(await head(`${stream}?client=${name}`), 404);
});

test('a client that asks again by its name gets its place back at once, and nobody else does', async (t) => {
  const { server, stream, told } = await serve(t, { maxStreamsPerAddress: 1 });
  const name = newName();
  const first = await vanished(t, `${stream}?follow=true&client=${name}`);
  t.is(first.statusCode, 200);
  t.is((await vanished(t, `${stream}?follow=true&client=${newName()}`)).statusCode, 429);
  t.is((await vanished(t, `${stream}?follow=true`)).statusCode, 429);
  for (let again = 0; again < 3; again++) {
    t.is((await vanished(t, `${stream}?follow=true&client=${name}`)).statusCode, 200);
    t.is(server.openStreams, 1);
  }
  t.is(await head(`${stream}?client=${name}`), 204);
  first.resume();
  await once(first, 'end');
  t.deepEqual(told, []);
});

test('a renewal opens nothing, whatever its method, and is answered 404 where the name is not known', async (t) => {
  const { server, stream } = await serve(t, {});
  const name = newName();
  await vanished(t, `${stream}?follow=true&client=${name}`);
  for (const method of ['HEAD', 'GET']) {
    const known = await fetch(`${stream}?client=${name}`, { method });
    t.deepEqual(
      [known.status, known.headers.get('cache-control'), await known.text()],
      [204, 'no-store', ''],
    );
    const unknown = await fetch(`${stream}?client=${newName()}`, { method });
    t.deepEqual([unknown.status, unknown.headers.get('cache-control')], [404, 'no-store']);
    await unknown.body?.cancel();
  }
  t.is(await head(`${stream}?follow=true&client=${name}`), 204);
  t.is(server.openStreams, 1);
  // Without a name it is what it was.
  t.is(await head(stream), 200);
});

test('a name is 22 to 64 characters of base64url or hex, given once; no answer repeats it', async (t) => {
  const { server, stream, told } = await serve(t, {});
  const bad = [
    '',
    'a'.repeat(21),
    'a'.repeat(65),
    `${'a'.repeat(21)}+`,
    `${'a'.repeat(21)}=`,
    'ä'.repeat(22),
  ];
  for (const name of bad) {
    const response = await fetch(`${stream}?follow=true&client=${encodeURIComponent(name)}`);
    t.is(response.status, 400, name);
    const text = await response.text();
    t.true(text.includes('BAD_REQUEST') && (name === '' || !text.includes(name)));
  }
  const name = newName();
  t.is(await head(`${stream}?client=${name}&client=${name}`), 400);
  t.is(await head(`${stream}?client[]=${name}`), 400);
  t.false((await (await fetch(`${stream}?client=${name}`)).text()).includes(name));
  for (const good of ['a'.repeat(22), '-_'.repeat(32), randomBytes(16).toString('hex')])
    t.is((await vanished(t, `${stream}?follow=true&client=${good}`)).statusCode, 200);
  t.is(server.openStreams, 3);
  t.deepEqual(told, []);
});

test('the status tells how long a name is good', async (t) => {
  const { status } = await serve(t, { streamLeaseMs: 45_000 });
  t.like(await (await fetch(status)).json(), { limits: { streamLeaseMs: 45_000 } });
});
