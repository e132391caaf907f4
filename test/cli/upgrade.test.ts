import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { Frame } from '../../src/contracts/index.js';
import { levelAt } from '../helpers/storage-disk.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, jsonLines } from './cli.js';
import { run } from './in-process.js';
import { storedLines } from './stores.js';

const COUNT = 9000;
const documents = sealedChain(COUNT);

/** A store as versions without tiles write it: all blocks by themselves. */
async function olderStore(location: string): Promise<void> {
  const rules = sealedJson().create();
  const frames = documents.map((bytes): Frame => {
    const header = rules.describe(bytes);
    return { header, codec: 'identity', bytes, documentBytes: bytes.byteLength };
  });
  const identity = { chain: rules.id, chainId: frames[0]?.header.hash ?? '' };
  const store = levelAt(location);
  await store.open();
  for (let from = 0; from < COUNT; from += 500) {
    const blocks = frames.slice(from, from + 500).map((frame) => ({ frame, changes: [] }));
    const { height = 0, hash = '' } = blocks.at(-1)?.frame.header ?? {};
    const confirmed = { height, hash };
    await store.commit({ rollbackTo: null, blocks, confirmed, finalized: null, identity });
  }
  await store.close();
}

const versionOf = (location: string): unknown =>
  (JSON.parse(readFileSync(join(location, 'blockferry.json'), 'utf8')) as { version: unknown }).version;

function bytesIn(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

test('upgrade turns an older store into tiles, says how many, and the blocks are the same; once more does nothing', async (t) => {
  const data = join(tempDir(t), 'a');
  await olderStore(data);
  const before = bytesIn(data);
  t.is(versionOf(data), 2);
  const { code, stdout, stderr } = await run(['upgrade', '--data', data]);
  t.is(code, 0, stderr);
  t.regex(stdout.toString(), /The store has 8 tiles with 8,192 blocks; the store is at block 8999/);
  t.regex(stderr, /BlockferryNotice: The store at .* is turned into tiles from now on/);
  t.is(versionOf(data), 3);
  t.true(bytesIn(data) < before / 2, `${bytesIn(data)} of ${before} bytes`);
  t.true((await storedLines(data)).equals(ndjson(documents)));
  const again = await run(['upgrade', '--data', data, '--json']);
  t.is(again.code, 0);
  t.is(again.stderr, '');
  t.like(jsonLines(again.stdout).at(-1), { event: 'done', tiles: 8 });
});

test('upgrade that is killed again and again goes on where it was, and leaves the store whole each time', async (t) => {
  const data = join(tempDir(t), 'a');
  await olderStore(data);
  for (let round = 0; round < 3; round++) {
    const cli = new Cli(t, ['upgrade', '--data', data, '--json']);
    await cli.waitFor(({ event }) => event === 'progress');
    cli.kill('SIGKILL');
    await cli.finished;
    const store = levelAt(data);
    await store.open();
    t.is(store.checkpoint().head?.height, COUNT - 1);
    await store.close();
  }
  const { code, stderr } = await run(['upgrade', '--data', data]);
  t.is(code, 0, stderr);
  t.true((await storedLines(data)).equals(ndjson(documents)));
});

test('upgrade of a folder that is no store is refused', async (t) => {
  const { code, stderr } = await run(['upgrade', '--data', join(tempDir(t), 'none')]);
  t.is(code, 1);
  t.regex(stderr, /STORE_NOT_FOUND/);
});
