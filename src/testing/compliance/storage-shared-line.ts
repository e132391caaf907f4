import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { BlockRef, Frame, Storage } from '../../contracts/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  type CuttableStorage,
  eventually,
  readAll,
  type SharedStores,
  type StorageFixture,
} from './storage-kit.js';
import { withShared } from './storage-shared-writers.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const ROUNDS = 8;
const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);

/** A line that is cut, and a standby that says nothing. */
export function lineCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  const cuttable = shared.cuttable?.bind(shared);
  const freeze = shared.freeze?.bind(shared);
  return [
    ...(cuttable === undefined ? [] : cutCases(fixture, cuttable)),
    ...(freeze === undefined ? [] : [frozenCase(fixture, shared, freeze)]),
  ];
}

function cutCases(
  fixture: StorageFixture,
  cuttable: NonNullable<SharedStores['cuttable']>,
): readonly ComplianceCase[] {
  return (['before-commit', 'after-commit'] as const).map((how, index) => ({
    id: `ST-117.${index + 1}`,
    title: `A connection that is lost is no error for the caller, and each write happens once: ${how}`,
    run: async () => {
      const line = await cuttable();
      try {
        await line.storage.open();
        const refs = await writtenOver(line, how);
        const reopened = await fixture.reopen(line.storage);
        await reopened.open();
        try {
          assert.deepEqual((await readAll(reopened, ALL)).map(refOf), refs);
          assert.deepEqual(await reopened.cursor('one'), refs.at(-1));
        } finally {
          await reopened.close();
        }
      } finally {
        await line.storage.close();
        await line.end();
      }
    },
  }));
}

/** Writes by a line that is cut again and again. @returns what the store has to have then */
async function writtenOver(
  line: CuttableStorage,
  how: Parameters<CuttableStorage['cut']>[0],
): Promise<readonly BlockRef[]> {
  const { storage } = line;
  const refs: BlockRef[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    line.cut(how, (round % 3) + 1);
    const added = fixtureFrames(3, { on: refs.at(-1) ?? null, branch: `${Math.random()}` });
    await storage.commit(fixtureBatch(added));
    refs.push(...added.map(refOf));
    await storage.setCursor('one', at(added, 2));
  }
  line.cut(how, 1);
  const to = refs[ROUNDS * 2] as BlockRef;
  const dropped = await storage.rollback(to);
  assert.deepEqual(dropped.toReversed(), refs.splice(ROUNDS * 2 + 1));
  line.cut(how, 1);
  await storage.setCursor('one', to);
  assert.ok(line.cuts() >= ROUNDS + 2, `${line.cuts()} lines were cut`);
  line.cut(how, 0);
  return refs;
}

/** Long enough for an answer to come that should not. */
const SILENCE_MS = 1_000;

function frozenCase(
  fixture: StorageFixture,
  shared: SharedStores,
  freeze: NonNullable<SharedStores['freeze']>,
): ComplianceCase {
  return {
    id: 'ST-118',
    title: 'While what has to confirm a write says nothing, no write is acknowledged and nobody sees it',
    run: () =>
      withShared(fixture, async (store) => {
        const frames = fixtureFrames(4);
        await store.commit(fixtureBatch(frames.slice(0, 2)));
        const reader = await shared.reader(store);
        await eventually(() =>
          reader.open().then(
            () => true,
            () => false,
          ),
        );
        const thaw = await freeze(store);
        try {
          await unacknowledged(store, reader, frames);
        } finally {
          await thaw();
        }
        await eventually(() => reader.checkpoint().head?.height === 3);
        await reader.close();
      }),
  };
}

async function unacknowledged(store: Storage, reader: Storage, frames: readonly Frame[]): Promise<void> {
  let isAcknowledged = false;
  void store.commit(fixtureBatch(frames.slice(2))).then(() => {
    isAcknowledged = true;
  });
  await delay(SILENCE_MS);
  assert.equal(isAcknowledged, false);
  assert.equal(store.checkpoint().head?.height, 1);
  assert.equal(reader.checkpoint().head?.height, 1);
}
