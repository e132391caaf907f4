import assert from 'node:assert/strict';
import type { BlockRange } from '../../contracts/index.js';
import { account, fixtureBatch, fixtureFrames } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { plain, readAll, rejects, type StorageFixture, withStore } from './storage-kit.js';

const MIB = 1024 * 1024;

/** Reads of blocks. */
export function readCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [...rangeCases(fixture), ...boundCases(fixture)];
}

function rangeCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const ranges: readonly (readonly [range: BlockRange, first: number, count: number])[] = [
    [{ from: 10, to: 19 }, 10, 10],
    [{ from: 13, to: 15 }, 13, 3],
    [{ from: 13, to: 13 }, 13, 1],
    [{ from: 17, to: 500 }, 17, 3],
    [{ from: 0, to: 11 }, 10, 2],
    [{ from: 0, to: Number.MAX_SAFE_INTEGER }, 10, 10],
    [{ from: 0, to: 9 }, 0, 0],
    [{ from: 20, to: 30 }, 0, 0],
    [{ from: 15, to: 14 }, 0, 0],
  ];
  return [
    {
      id: 'ST-30',
      title:
        'A read gives the heights that are held, in order; those below the base and above the head are left out',
      run: () =>
        withStore(fixture, async (store) => {
          const frames = fixtureFrames(10, { from: 10 });
          await store.commit(fixtureBatch(frames));
          for (const [range, first, count] of ranges) {
            const read = await readAll(store, range);
            const wanted = frames.slice(first - 10, first - 10 + count);
            assert.deepEqual(read.map(plain), count === 0 ? [] : wanted.map(plain));
          }
        }),
    },
    {
      id: 'ST-31',
      title: 'header and get give null for every height that is not held, also for ones that can not be',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(fixtureFrames(10, { from: 10 })));
          for (const height of [0, 9, 20, Number.MAX_SAFE_INTEGER, -1, 10.5, NaN, Infinity]) {
            assert.equal(await store.get(height), null);
            assert.equal(await store.header(height), null);
          }
        }),
    },
  ];
}

function boundCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-32',
      title: 'A read comes in batches of about 1 MiB, of at least one frame, also of frames that are larger',
      run: () =>
        withStore(fixture, async (store) => {
          const small = fixtureFrames(60, { bytes: 100_000 });
          const large = fixtureFrames(2, { on: small[59]?.header ?? null, bytes: 3 * MIB });
          await store.commit(fixtureBatch([...small, ...large]));
          let next = 0;
          for await (const batch of store.read({ from: 0, to: 100 })) {
            assert.ok(batch.length > 0);
            const sizes = batch.map(({ bytes }) => bytes.byteLength);
            const beforeLast = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
            assert.ok(beforeLast <= 1.25 * MIB, `${beforeLast} bytes before the last frame of a batch`);
            for (const { header } of batch) assert.equal(header.height, next++);
          }
          assert.equal(next, 62);
        }),
    },
    {
      id: 'ST-33',
      title: 'A read or a scan whose signal fires is ABORTED, before it starts and in the middle',
      run: () =>
        withStore(fixture, async (store) => {
          const frames = fixtureFrames(12, { bytes: 600_000 });
          await store.commit(fixtureBatch(frames, [[account('a', '1')]]));
          const signal = AbortSignal.abort();
          await rejects(() => drain(store.read({ from: 0, to: 9 }, { signal })), 'ABORTED');
          await rejects(() => drain(store.entries('accounts', { signal })), 'ABORTED');
          const abort = new AbortController();
          let taken = 0;
          await rejects(async () => {
            for await (const batch of store.read({ from: 0, to: 11 }, { signal: abort.signal })) {
              taken += batch.length;
              abort.abort();
            }
          }, 'ABORTED');
          assert.ok(taken > 0 && taken < 12);
        }),
    },
    {
      id: 'ST-34',
      title: 'A read that is left early can be started again, and the store closes',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(fixtureFrames(12, { bytes: 600_000 })));
          for (let i = 0; i < 3; i++) {
            for await (const batch of store.read({ from: i, to: 11 })) {
              assert.equal(batch[0]?.header.height, i);
              break;
            }
          }
        }),
    },
  ];
}

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next());
}
