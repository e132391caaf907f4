import test from 'ava';
import type { CommitTile, Frame } from '../../src/contracts/index.js';
import { turns, until } from '../helpers/waiting.js';
import { type Batch, BatchWriter, bytesOf } from '../../src/engine/batch-writer.js';

const limits = { maxBatchBlocks: 4, maxPendingBytes: 100 };

const frame = (height: number, size = 10): Frame => ({
  header: { height, hash: `h${height}`, previousHash: `h${height - 1}`, timestamp: null },
  codec: 'identity',
  bytes: new Uint8Array(size),
  documentBytes: size,
});

const heights = (frames: readonly Frame[]): number[] => frames.map(({ header }) => header.height);

test('frames that come while a batch is being written go into the next one, in order and bounded in number', async (t) => {
  const batches: number[][] = [];
  const writer = new BatchWriter(async ({ frames }) => {
    batches.push(heights(frames));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }, limits);
  for (let height = 0; height < 10; height++) await writer.push([frame(height)]);
  await writer.flush();
  t.deepEqual(batches.flat(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.deepEqual(batches[0], [0], 'the first batch does not wait for company');
  t.true(batches.every((batch) => batch.length <= 4));
  t.true(batches.length < 10);
});

test('push waits while more bytes than allowed wait for the disk', async (t) => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const writer = new BatchWriter(() => gate, limits);
  await writer.push([frame(0)]);
  let taken = false;
  const pushing = writer.push([frame(1, 60), frame(2, 60)]).then(() => (taken = true));
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.false(taken);
  release();
  await pushing;
  t.true(taken);
});

test('a failed commit is reported by the next call, and nothing is written after it', async (t) => {
  const batches: number[][] = [];
  const writer = new BatchWriter(({ frames }) => {
    batches.push(heights(frames));
    return Promise.reject(new Error('disk'));
  }, limits);
  await writer.push([frame(0)]).catch(() => undefined);
  await t.throwsAsync(writer.flush(), { message: 'disk' });
  await t.throwsAsync(writer.push([frame(1)]), { message: 'disk' });
  await t.throwsAsync(writer.flush(), { message: 'disk' });
  t.deepEqual(batches, [[0]]);
});

test('flush of an idle writer resolves', async (t) => {
  await t.notThrowsAsync(new BatchWriter(() => Promise.resolve(), limits).flush());
});

test('a push of nothing holds nothing up: what comes after it is written', async (t) => {
  const written: number[] = [];
  const writer = new BatchWriter(({ frames }) => {
    written.push(...heights(frames));
    return Promise.resolve();
  }, limits);
  await writer.push([]);
  await writer.push([frame(0)]);
  await writer.flush();
  await writer.push([]);
  await writer.push([frame(1)]);
  await writer.flush();
  t.deepEqual(written, [0, 1]);
});

/** A tile of the blocks from one height to another. */
function tileOf(from: number, to: number): { readonly frames: readonly Frame[]; readonly tile: CommitTile } {
  const frames = Array.from({ length: to - from + 1 }, (_each, at) => frame(from + at));
  const body = { bytes: new Uint8Array(5), members: [] };
  const ends = { previousHash: `h${from - 1}`, hash: `h${to}` };
  return { frames, tile: { from, to, ...ends, documentBytes: 60, bytes: 5, digest: null, body } };
}

/** Pushes tiles, and frames as others do, while the first batch is held up. @returns the batches */
async function batchesOf(pushed: readonly (ReturnType<typeof tileOf> | Frame)[]): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const wide = { maxBatchBlocks: 4, maxPendingBytes: 1_000_000 };
  const writer = new BatchWriter(async (batch) => {
    batches.push(batch);
    await gate;
  }, wide);
  const taken = pushed.map((each) =>
    'tile' in each ? writer.push(each.frames, each.tile) : writer.push([each]),
  );
  release();
  await Promise.all(taken);
  await writer.flush();
  return batches;
}

test('a tile is never divided between batches, however many blocks it has, and several go into one', async (t) => {
  const batches = await batchesOf([
    frame(0),
    tileOf(1, 1_000),
    tileOf(1_001, 2_000),
    tileOf(2_001, 3_000),
    frame(3_001),
  ]);
  t.deepEqual(
    batches.map(({ frames, tiles }) => [
      frames[0]?.header.height,
      frames.at(-1)?.header.height,
      tiles.length,
    ]),
    [
      [0, 0, 0],
      [1, 2_000, 2],
      [2_001, 3_001, 1],
    ],
  );
  const huge = await batchesOf([tileOf(0, 2), tileOf(3, 5_000), tileOf(5_001, 5_002)]);
  t.deepEqual(
    huge.map(({ frames, tiles }) => [frames.length, tiles.map(({ from }) => from)]),
    [
      [3, [0]],
      [4_998, [3]],
      [2, [5_001]],
    ],
  );
});

test('push waits for a tile as for its body', async (t) => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const writer = new BatchWriter(() => gate, { maxBatchBlocks: 4, maxPendingBytes: 8 });
  for (const from of [0, 1]) {
    const { frames, tile } = tileOf(from, from);
    await writer.push(frames, tile);
  }
  let taken = false;
  const { frames, tile } = tileOf(2, 2);
  const pushing = writer.push(frames, tile).then(() => (taken = true));
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.false(taken);
  release();
  await pushing;
});

test('no more small tiles wait than the next batch takes', async (t) => {
  const ends: (() => void)[] = [];
  const batches: number[] = [];
  const writer = new BatchWriter(
    ({ frames }) => {
      batches.push(frames.length);
      return new Promise((resolve) => ends.push(resolve));
    },
    { ...limits, maxPendingBytes: 1_000_000 },
  );
  const push = ({ frames, tile }: ReturnType<typeof tileOf>): Promise<void> => writer.push(frames, tile);
  await push(tileOf(0, 1023));
  await push(tileOf(1024, 2047));
  let isTaken = false;
  const waiting = push(tileOf(2048, 3071)).then(() => (isTaken = true));
  await turns(10);
  t.false(isTaken);
  ends.shift()?.();
  await until(() => ends.length === 1);
  ends.shift()?.();
  await waiting;
  await writer.flush();
  t.deepEqual(batches, [1024, 2048]);
});

test('blocks of a tile count as the tile came, beside others, and none of them is read for it', (t) => {
  const { frames, tile } = tileOf(1, 3);
  const unread = frames.map((each): Frame => {
    const get = (): unknown => t.fail(`block ${each.header.height} was read`);
    return Object.defineProperty({ ...each }, 'bytes', { get });
  });
  const gzip: Frame = { ...frame(4), codec: 'gzip', bytes: new Uint8Array(7) };
  t.is(bytesOf({ frames: [frame(0), ...unread, gzip], tiles: [tile] }), 10 + tile.bytes + 7);
});
