import test from 'ava';
import type { Frame } from '../../src/contracts/index.js';
import { BatchWriter } from '../../src/engine/batch-writer.js';

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
  const writer = new BatchWriter(async (frames) => {
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
  const writer = new BatchWriter((frames) => {
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
  const writer = new BatchWriter((frames) => {
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
