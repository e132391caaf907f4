import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type PairRun, runPair, type Skipped } from '../../bench/pair.js';
import { type PlainBlock, writePlainChain } from '../../bench/rivals/plain-chain.js';
import { PlainChecker } from '../../bench/rivals/plain-check.js';
import { plainServer } from '../../bench/ways.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';

const BLOCKS = 30;

/** A plain chain in a file. */
async function chainIn(dir: string): Promise<string> {
  const file = join(dir, 'plain.ndjson');
  await writePlainChain(file, documents());
  return file;
}

async function* documents(): AsyncGenerator<Uint8Array> {
  for (const document of sealedChain(BLOCKS)) yield await Promise.resolve(document);
}

function ran(run: PairRun | Skipped): PairRun {
  if ('skipped' in run) throw new Error(run.skipped);
  return run;
}

test('The plain chain is what the plain design makes of it: the same text again after parsing, with right hashes', async (t) => {
  const texts = readFileSync(await chainIn(tempDir(t)), 'utf8')
    .trimEnd()
    .split('\n');
  const checker = new PlainChecker();
  for (const text of texts) {
    const block = JSON.parse(text) as PlainBlock;
    t.is(JSON.stringify(block), text);
    checker.check(block, text);
  }
  t.is(checker.blocks, BLOCKS);
});

test('The plain client has all blocks of the plain server, and the bytes on the wire are counted', async (t) => {
  const dir = tempDir(t);
  const file = await chainIn(dir);
  const wire: number[] = [];
  for (const way of ['stream', 'json']) {
    const settings = { location: join(dir, way), way };
    const run = await runPair(plainServer(file), { module: 'rivals/plain-client-process', settings });
    const { client, server } = ran(run);
    t.is(client.blocks, BLOCKS);
    wire.push(server?.wireBytes ?? 0);
  }
  const texts = readFileSync(file, 'utf8').trimEnd().split('\n');
  const events = texts.map((text, height) => blockEvent(height, Buffer.from(text)).length);
  for (const [index, lengths] of [events, texts.map(({ length }) => length)].entries()) {
    const expected = lengths.reduce((sum, length) => sum + length, 0);
    const counted = wire[index] ?? 0;
    t.true(counted > expected && counted < expected + 2048, `${counted} for ${expected} bytes`);
  }
});

test('Readers count the blocks of each of their streams', async (t) => {
  const file = await chainIn(tempDir(t));
  const settings = { path: '/stream?from_height=10', clients: 3 };
  const run = await runPair(plainServer(file), { module: 'rivals/reader-process', settings });
  t.is(ran(run).client.blocks, BLOCKS - 10);
});

test('A rival that gets a false block fails the measurement', async (t) => {
  const dir = tempDir(t);
  const file = await chainIn(dir);
  writeFileSync(file, readFileSync(file, 'utf8').replace('o-7"', 'o-8"'));
  const settings = { location: join(dir, 'copy'), way: 'json' };
  const client = { module: 'rivals/plain-client-process', settings, quiet: true };
  await t.throwsAsync(runPair(plainServer(file), client), { message: /status 1 and no report/ });
});
