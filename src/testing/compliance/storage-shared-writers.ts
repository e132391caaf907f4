import assert from 'node:assert/strict';
import type { BlockRef, Frame, Storage } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { eventually, everything, rejects, type SharedStores, type StorageFixture } from './storage-kit.js';

const frames = fixtureFrames(6);
const at = (index: number): BlockRef => refOf(frames[index] as Frame);

/** Every kind of write, to a store with the first four blocks. */
const WRITES: readonly (readonly [what: string, write: (store: Storage) => Promise<unknown>])[] = [
  ['a commit', (store) => store.commit(fixtureBatch(fixtureFrames(1, { on: at(3) })))],
  [
    'a branch in place of another',
    (store) =>
      store.commit({ ...fixtureBatch(fixtureFrames(2, { on: at(1), branch: 'b' })), rollbackTo: at(1) }),
  ],
  ['what is confirmed', (store) => store.advance({ confirmed: at(2), finalized: at(1) })],
  ['a rollback', (store) => store.rollback(at(2))],
  ['a cursor', (store) => store.setCursor('one', at(2))],
  ['a stage', (store) => store.stage()],
];

/** One writes at a time, and one that was taken over no more. */
export function sharedWriterCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-110',
      title:
        'A second writer is STORE_LOCKED while the first one has the store, and finds all of it afterwards',
      run: () =>
        withShared(fixture, async (first) => {
          const second = await shared.writer(first);
          await rejects(() => second.open(), 'STORE_LOCKED');
          await first.commit(fixtureBatch(frames));
          await rejects(() => second.open(), 'STORE_LOCKED');
          const before = await everything(first);
          await first.close();
          await second.open();
          try {
            assert.deepEqual(await everything(second), before);
          } finally {
            await second.close();
          }
        }),
    },
    ...WRITES.map(([what, write], index) => ({
      id: `ST-111.${index + 1}`,
      title: `A writer that was taken over gets STORE_LOCKED at its next write, and changes nothing: ${what}`,
      run: () => fenced(fixture, shared, write),
    })),
    {
      id: 'ST-112',
      title: 'What a writer has staged is not activated, nor anything added, once it was taken over',
      run: () =>
        withShared(fixture, async (old) => {
          await old.commit(fixtureBatch(frames.slice(0, 4)));
          const stage = await old.stage();
          const staged = fixtureFrames(2, { branch: 'staged' });
          const head = refOf(staged[1] as Frame);
          await stage.putBlocks(staged);
          await overtaken(shared, old, async (next) => {
            const before = await everything(next);
            await rejects(() => stage.putBlocks(fixtureFrames(1, { on: head })), 'STORE_LOCKED');
            await rejects(() => stage.putState('accounts', []), 'STORE_LOCKED');
            await rejects(() => stage.activate({ identity: FIXTURE_IDENTITY, head }), 'STORE_LOCKED');
            assert.deepEqual(await everything(next), before);
          });
        }),
    },
  ];
}

function fenced(
  fixture: StorageFixture,
  shared: SharedStores,
  write: (store: Storage) => Promise<unknown>,
): Promise<void> {
  return withShared(fixture, async (old) => {
    await old.commit(fixtureBatch(frames.slice(0, 4)));
    await overtaken(shared, old, async (next) => {
      const before = await everything(next);
      await rejects(() => write(old), 'STORE_LOCKED');
      await rejects(() => old.commit(fixtureBatch(frames.slice(4))), 'STORE_LOCKED');
      assert.deepEqual(await everything(next), before);
      assert.equal(await next.cursor('one'), null);
      await next.commit(fixtureBatch(frames.slice(4)));
      assert.deepEqual(next.checkpoint().head, at(5));
    });
  });
}

/** Opens a new storage for the step and closes it afterwards, where it is shared. */
export async function withShared(
  fixture: StorageFixture,
  step: (store: Storage) => Promise<void>,
): Promise<void> {
  const store = await fixture.create();
  if (store.supports.shared !== true) return;
  await store.open();
  try {
    await step(store);
  } finally {
    await store.close();
  }
}

/** Has another writer take a store over, for the step. */
async function overtaken(
  shared: SharedStores,
  old: Storage,
  step: (next: Storage) => Promise<void>,
): Promise<void> {
  const next = await shared.writer(old);
  await eventually(async () => {
    // It may renew its lease in between.
    await shared.expire(old);
    return next.open().then(
      () => true,
      (error: unknown) => {
        if (isSyncError(error, 'STORE_LOCKED')) return false;
        throw error;
      },
    );
  });
  try {
    await step(next);
  } finally {
    await next.close();
  }
}
