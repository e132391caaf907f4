import assert from 'node:assert/strict';
import type { StateChange, Storage } from '../../contracts/index.js';
import { account, FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import { entriesOf, everything, type StorageFixture, withStore } from './storage-kit.js';

const frames = fixtureFrames(3);
const [first, second, third] = frames;

const produced = (key: string, value: string | null): StateChange => ({
  ...account(key, value),
  table: 'produced',
});

/** The table of what a node was asked to produce. */
export function producedCases(fixture: StorageFixture): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-110',
      title: 'The table `produced` is kept beside those of the state, and a rollback takes its changes back',
      run: () =>
        withStore(fixture, async (store) => {
          if (first === undefined || second === undefined || third === undefined) return;
          await store.commit(fixtureBatch([first], [[produced('a', '0'), account('a', '"state"')]]));
          const before = await everything(store);
          await store.commit(fixtureBatch([second, third], [[produced('b', '1')], [produced('a', null)]]));
          assert.deepEqual(await entriesOf(store, 'produced'), [['b', '1']]);
          assert.deepEqual(await entriesOf(store), [['a', '"state"']]);
          assert.equal(await store.getState('produced', 'a'), null);
          await store.rollback(refOf(first));
          assert.deepEqual(await everything(store), before);
          assert.equal(textOf(await store.getState('produced', 'a')), '0');
        }),
    },
    {
      id: 'ST-111',
      title: 'Contents that are imported bring nothing of the table `produced`, and what was there is gone',
      run: () =>
        withStore(fixture, async (store) => {
          await store.commit(fixtureBatch(frames, [[produced('a', '0')], [], []]));
          await replaced(store);
          assert.deepEqual(await entriesOf(store, 'produced'), []);
        }),
    },
  ];
}

async function replaced(store: Storage): Promise<void> {
  const stage = await store.stage();
  const next = fixtureFrames(2, { branch: 'imported' });
  await stage.putBlocks(next);
  const head = next.at(-1);
  assert.ok(head !== undefined);
  await stage.activate({ identity: FIXTURE_IDENTITY, head: refOf(head) });
  await stage.close();
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}
