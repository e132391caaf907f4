import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openChain } from '../../src/index.js';
import { opsTransition } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { filledStore, flipBit } from '../helpers/storage-disk.js';
import { checkJournal, checkStore } from './checks.js';
import { acknowledgedIn, type Life, readJournal } from './journal.js';
import { Missed } from './row.js';
import { hashOf, makeDocuments, type Source } from './source.js';

const { documents, ops } = makeDocuments(30, 200);
const source: Source = { documents, ops, location: '' };
const NO_LIVES = { lives: [], hasState: true };

const life = (more: Partial<Life>): Life => ({
  pid: 1,
  opened: -1,
  durable: -1,
  handed: [],
  retries: [],
  end: null,
  ...more,
});

const handed = (...heights: readonly number[]): Life =>
  life({ handed: heights.map((height) => [height, hashOf(documents[height] ?? new Uint8Array())] as const) });

/** A store with some of the source's blocks. */
async function storeOf(t: ExecutionContext, blocks: readonly Uint8Array[], hasState = true): Promise<string> {
  const location = join(tempDir(t), 'store');
  const stateTransition = hasState ? opsTransition : null;
  const chain = await openChain({ storage: { use: 'leveldb', location }, stateTransition });
  await chain.append(blocks);
  await chain.close();
  return location;
}

test('a store that is whole passes, and its head is told', async (t) => {
  const location = await storeOf(t, documents.slice(0, 20));
  t.deepEqual(await checkStore(location, source, NO_LIVES), { head: 19 });
  t.deepEqual(await checkStore(location, source, { lives: [life({ durable: 19 })], hasState: true }), {
    head: 19,
  });
});

test('a store that lacks an acknowledged block is caught', async (t) => {
  const location = await storeOf(t, documents.slice(0, 20));
  const lives = [life({ durable: 20 }), life({ durable: 3 })];
  await t.throwsAsync(checkStore(location, source, { lives, hasState: true }), {
    instanceOf: Missed,
    message: 'block 20 was acknowledged, the store ends at 19',
  });
});

test('another block, and a state that is not that of a clean replay, are caught', async (t) => {
  const others = makeDocuments(30, 100);
  const location = await storeOf(t, documents.slice(0, 20));
  const other = { ...others, location: '' };
  await t.throwsAsync(checkStore(location, other, NO_LIVES), {
    instanceOf: Missed,
    message: 'block 0 is another',
  });
  const stateless = await storeOf(t, documents.slice(0, 20), false);
  await t.throwsAsync(checkStore(stateless, source, NO_LIVES), {
    instanceOf: Missed,
    message: 'the state at 19 is not that of a clean replay',
  });
});

test('a store with a gap, with damage, or with none of it is caught', async (t) => {
  const location = await storeOf(t, documents);
  flipBit(join(location, 'db', 'frames', '000001.seg'), 900);
  await t.throwsAsync(checkStore(location, source, NO_LIVES), {
    instanceOf: Missed,
    message: /STORE_DAMAGED/,
  });
  const foreign = join(tempDir(t), 'store');
  await filledStore(foreign, 5);
  await t.throwsAsync(checkStore(foreign, source, NO_LIVES), { instanceOf: Missed });
});

test('a handler that was handed each block once, or again after a kill, passes', (t) => {
  t.is(checkJournal([handed(0, 1, 2), handed(3, 4)], source, 4), 0);
  t.is(checkJournal([handed(0, 1, 2), handed(1, 2, 3)], source, 3), 2);
  t.is(checkJournal([], source, null), 0);
});

test('a handler that was handed a block twice, one too many or too few, or another one is caught', (t) => {
  for (const lives of [
    [handed(0, 1, 1)],
    [handed(0, 2)],
    [handed(0, 1), handed(3)],
    [handed(1)],
    [handed(0, 1, 0)],
    [handed(0)],
    [life({ handed: [[0, hashOf(documents[1] ?? new Uint8Array())]] })],
  ])
    t.throws(() => checkJournal(lives, source, 2), { instanceOf: Missed });
});

test('a journal has a life for each start, and a line that a kill cut does not count', (t) => {
  const path = join(tempDir(t), 'journal');
  t.deepEqual(readJournal(path), []);
  appendFileSync(
    path,
    'pid 7\nopen -1\ndurable 4\nblock 0 ab\nretry PEER_BUSY 12\npid 8\nopen 4\ndurable 9\nend done\npid 9\ndur',
  );
  const lives = readJournal(path);
  t.deepEqual(
    lives.map(({ pid, opened, durable, end }) => [pid, opened, durable, end]),
    [
      [7, -1, 4, null],
      [8, 4, 9, 'done'],
      [9, null, -1, null],
    ],
  );
  t.deepEqual(lives[0]?.handed, [[0, 'ab']]);
  t.deepEqual(lives[0]?.retries, [['PEER_BUSY', 12]]);
  t.is(acknowledgedIn(lives), 9);
});

test('the hash that the checks compute is that of the sealed block', (t) => {
  for (const document of documents) {
    const { hash } = JSON.parse(Buffer.from(document).toString()) as { hash: string };
    t.is(hashOf(document), hash);
  }
});
