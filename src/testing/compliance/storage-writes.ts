import assert from 'node:assert/strict';
import type { CommitBatch, Frame } from '../../contracts/index.js';
import { account, FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  changesNothing,
  entriesOf,
  plain,
  readAll,
  rejects,
  type StorageFixture,
  withStore,
} from './storage-kit.js';

/** A chain of ten, and batches that don't fit on its first five. */
function misfits(chain: readonly Frame[]): Record<string, readonly Frame[]> {
  const other = fixtureFrames(10, { branch: 'other' });
  return {
    'a gap of one': chain.slice(6),
    'the head again': chain.slice(4),
    'a block from the start': chain.slice(0, 1),
    'another parent': other.slice(5),
    'a gap within the batch': [...chain.slice(5, 7), ...chain.slice(8)],
    'another parent within the batch': [...chain.slice(5, 7), ...other.slice(7)],
    'blocks in the wrong order': chain.slice(5, 7).reverse(),
    'a block twice': [...chain.slice(5, 7), ...chain.slice(6, 8)],
  };
}

/** Commits. */
export function writeCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    ...fittingCases(fixture),
    ...keptCases(fixture),
    ...atomicCases(fixture),
    ...finalCases(fixture),
    ...stateCases(fixture),
  ];
}

function fittingCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-10',
      title: 'What was committed is there: head, base, identity, headers and frames',
      run: () =>
        withStore(fixture, async (store) => {
          const frames = fixtureFrames(6);
          await store.commit(fixtureBatch(frames.slice(0, 2)));
          await store.commit({ ...fixtureBatch(frames.slice(2)), identity: null });
          const { head, base } = store.checkpoint();
          assert.deepEqual([head?.height, head?.hash, base], [5, frames[5]?.header.hash, 0]);
          assert.deepEqual(store.identity(), FIXTURE_IDENTITY);
          for (const [height, frame] of frames.entries()) {
            assert.deepEqual(await store.header(height), frame.header);
            assert.deepEqual(plain(await store.get(height)), plain(frame));
          }
        }),
    },
    {
      id: 'ST-11',
      title: 'The first batch may start at any height, up to the largest one, and that is the base',
      run: async () => {
        for (const from of [1, 255, 256, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER - 2]) {
          await withStore(fixture, async (store) => {
            const frames = fixtureFrames(3, { from });
            await store.commit(fixtureBatch(frames));
            assert.equal(store.checkpoint().base, from);
            assert.equal(await store.get(from - 1), null);
            assert.deepEqual(plain(await store.get(from + 2)), plain(frames[2] ?? null));
            const read = await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER });
            assert.deepEqual(read.map(plain), frames.map(plain));
          });
        }
      },
    },
  ];
}

function keptCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-12',
      title: 'The identity is the one of the first batch; later ones are ignored',
      run: () =>
        withStore(fixture, async (store) => {
          const frames = fixtureFrames(2);
          await store.commit(fixtureBatch(frames.slice(0, 1)));
          await store.commit({
            ...fixtureBatch(frames.slice(1)),
            identity: { chain: 'other', chainId: 'two' },
          });
          assert.deepEqual(store.identity(), FIXTURE_IDENTITY);
        }),
    },
    {
      id: 'ST-13',
      title: 'A frame is kept byte for byte, whatever its codec, its size and the buffer it is a view of',
      run: () =>
        withStore(fixture, async (store) => {
          const sizes = [0, 1, 70_000, 3_000_000];
          const codecs = ['identity', 'gzip', 'x-made-up-codec', '0'];
          let head = null;
          const frames: Frame[] = [];
          for (const [i, bytes] of sizes.entries()) {
            const [made] = fixtureFrames(1, { on: head, bytes, codec: codecs[i] ?? '' });
            assert.ok(made);
            const outer = new Uint8Array(made.bytes.length + 20).fill(0xee);
            outer.set(made.bytes, 10);
            const frame = { ...made, bytes: outer.subarray(10, 10 + made.bytes.length) };
            await store.commit(fixtureBatch([frame]));
            frames.push(frame);
            head = frame.header;
          }
          const read = await readAll(store, { from: 0, to: 9 });
          assert.deepEqual(read.map(plain), frames.map(plain));
          for (const [i, frame] of frames.entries())
            assert.deepEqual(plain(await store.get(i)), plain(frame));
        }),
    },
  ];
}

function atomicCases(fixture: StorageFixture): readonly ComplianceCase[] {
  const chain = fixtureFrames(10);
  const names = Object.keys(misfits(chain));
  const gaps = names.map((name, index): ComplianceCase => ({
    id: `ST-14.${index + 1}`,
    title: `A batch that does not fit is STORE_GAP and changes nothing: ${name}`,
    run: () =>
      withStore(fixture, async (store) => {
        await store.commit(fixtureBatch(chain.slice(0, 5), [[account('a', '1')]]));
        const frames = misfits(chain)[name] ?? [];
        const bad = fixtureBatch(
          frames,
          frames.map(() => [account('a', '2'), account('b', '3')]),
        );
        await changesNothing(store, () => rejects(() => store.commit(bad), 'STORE_GAP'));
        await store.commit(fixtureBatch(chain.slice(5)));
        assert.equal(store.checkpoint().head?.height, 9);
      }),
  }));
  const [first] = chain;
  assert.ok(first);
  const mistakes: readonly (readonly [string, CommitBatch])[] = [
    ['no blocks', fixtureBatch([])],
    ['no identity in the first batch', { ...fixtureBatch(chain), identity: null }],
    ['a final block above the head', fixtureBatch(chain, [], { height: 10, hash: 'aa' })],
  ];
  return [
    ...gaps,
    {
      id: 'ST-15',
      title: 'A batch with a gap into an empty store is STORE_GAP and leaves it empty',
      run: () =>
        withStore(fixture, async (store) => {
          const bad = fixtureBatch([first, ...chain.slice(2)], [[account('a', '1')]]);
          await changesNothing(store, () => rejects(() => store.commit(bad), 'STORE_GAP'));
        }),
    },
    ...mistakes.map(([name, batch], index): ComplianceCase => ({
      id: `ST-16.${index + 1}`,
      title: `A mistake of the caller is a TypeError and changes nothing: ${name}`,
      run: () =>
        withStore(fixture, async (store) => {
          await changesNothing(store, () =>
            assert.rejects(async () => {
              await store.commit(batch);
            }, TypeError),
          );
        }),
    })),
  ];
}

function finalCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-17',
      title: 'The final block moves forwards only, and null leaves it',
      run: () =>
        withStore(fixture, async (store) => {
          const frames = fixtureFrames(6);
          const at = (height: number): ReturnType<typeof refOf> | null => {
            const frame = frames[height];
            return frame === undefined ? null : refOf(frame);
          };
          const steps = [
            { asked: null, wanted: undefined },
            { asked: at(1), wanted: 1 },
            { asked: null, wanted: 1 },
            { asked: at(0), wanted: 1 },
            { asked: at(4), wanted: 4 },
            { asked: at(3), wanted: 4 },
          ];
          for (const [i, { asked, wanted }] of steps.entries()) {
            await store.commit(fixtureBatch(frames.slice(i, i + 1), [], asked));
            const { finalized } = store.checkpoint();
            assert.equal(finalized?.height, wanted);
            assert.equal(finalized?.hash, wanted === undefined ? undefined : at(wanted)?.hash);
          }
        }),
    },
  ];
}

function stateCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-18',
      title: 'Changes are made in order, block by block, also of one key within one batch; null removes',
      run: () =>
        withStore(fixture, async (store) => {
          const changes = [
            [account('a', '1'), account('a', '2'), account('b', '1')],
            [account('b', null), account('c', '1'), account('c', null), account('d', '')],
            [account('a', null), account('a', '3'), { ...account('a', 'other table'), table: 'contracts' }],
          ] as const;
          await store.commit(fixtureBatch(fixtureFrames(3), changes));
          assert.deepEqual(await entriesOf(store), [
            ['a', '3'],
            ['d', ''],
          ]);
          assert.deepEqual(await entriesOf(store, 'contracts'), [['a', 'other table']]);
          assert.equal(Buffer.from((await store.getState('accounts', 'a')) ?? []).toString(), '3');
          assert.equal((await store.getState('accounts', 'd'))?.byteLength, 0);
          assert.equal(await store.getState('accounts', 'b'), null);
          assert.equal(await store.getState('contracts', 'd'), null);
        }),
    },
    {
      id: 'ST-19',
      title: 'Values are kept byte for byte, and entries come in the order of the UTF-8 bytes of their keys',
      run: () =>
        withStore(fixture, async (store) => {
          const keys = ['', '\0', 'a', 'a\0', 'aa', 'b', 'é', '\uff5e', '\uffff', '😀', '\u{10ffff}'];
          const value = Uint8Array.from({ length: 256 }, (_, at) => at);
          const shuffled = [...keys].sort().reverse();
          const changes = shuffled.map((key) => ({ table: 'contracts' as const, key, value }));
          await store.commit(fixtureBatch(fixtureFrames(1), [changes]));
          const found: string[] = [];
          for await (const batch of store.entries('contracts')) {
            for (const entry of batch) {
              found.push(entry.key);
              assert.deepEqual(Buffer.from(entry.value), Buffer.from(value));
            }
          }
          assert.deepEqual(found, keys);
          for (const key of keys)
            assert.deepEqual(Buffer.from((await store.getState('contracts', key)) ?? []), Buffer.from(value));
          assert.deepEqual(await entriesOf(store, 'accounts'), []);
        }),
    },
  ];
}
