import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { createSyncEngine } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const documents = sealedChain(1500);

test('A node that is given a published folder as file:/// has the same bytes, and follows what is published there later', async (t) => {
  const dir = tempDir(t);
  const [data, out, copy] = [join(dir, 'a'), join(dir, 'of a chain'), join(dir, 'b')];
  await makeStore(data, documents);
  const publish = ['publish', '--data', data, '--out', out, '--finality-depth', '0'];
  t.is((await run(publish)).code, 0);
  const peer = pathToFileURL(out).href;
  t.true(peer.includes('%20'));
  const synced = await run(['sync', '--peer', peer, '--data', copy]);
  t.is(synced.code, 0, synced.stderr);
  t.true((await storedLines(copy)).equals(await storedLines(data)));
  const engine = createSyncEngine({
    peers: [peer],
    storage: { use: 'memory' },
    follow: true,
    headCheckMs: 1000,
  });
  t.teardown(() => engine.close());
  engine.start().catch(() => undefined);
  await until(() => engine.state.checkpoint?.head?.height === 1499);
  const more = sealedChain(1510);
  rmSync(data, { recursive: true });
  await makeStore(data, more);
  t.is((await run(publish)).code, 0);
  await until(() => engine.state.checkpoint?.head?.height === 1509);
});

test('A false file in a folder is refused, as one from a server is, and a folder that is not there is told of', async (t) => {
  const dir = tempDir(t);
  const [data, out] = [join(dir, 'a'), join(dir, 'out')];
  await makeStore(data, documents);
  t.is((await run(['publish', '--data', data, '--out', out])).code, 0);
  const page = join(out, 'tiles', '000');
  const body = readdirSync(page).find((name) => name.endsWith('.gz')) ?? '';
  const bytes = readFileSync(join(page, body));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(join(page, body), bytes);
  const peer = pathToFileURL(out).href;
  const refused = await run(['sync', '--peer', peer, '--data', join(dir, 'b')]);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /CODEC_CORRUPT|TILE_/);
  const missing = await run([
    'sync',
    '--peer',
    `${peer}-none`,
    '--data',
    join(dir, 'c'),
    '--give-up-after',
    '1',
  ]);
  t.is(missing.code, 1, missing.stderr);
  for (const url of [
    'file://host/folder',
    'file:///',
    'file:///a?b',
    'file:///a%2Fb',
    'file:///a%00',
    'file:///%ff',
  ])
    t.is((await run(['sync', '--peer', url, '--data', join(dir, 'd')])).code, 2);
});
