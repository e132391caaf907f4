import type { Frame, StateEntry, StateTable, Storage, StorageStage } from '../../contracts/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import { plain } from './storage-kit.js';

/** All heights. */
export const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
/** Identity of what is staged. */
export const IDENTITY = { chain: 'made-up', chainId: 'staged' };

/** What a store holds before. */
export const old = fixtureFrames(6, { from: 3, branch: 'old', bytes: 300_000 });
/** What is staged: other heights, lower and higher ones. */
export const fresh = fixtureFrames(12, { from: 5, branch: 'fresh', bytes: 200_000 });
/** The last block that is staged. */
export const head = refOf(fresh[11] as Frame);

/** An entry of the state. */
export const entry = (key: string, value: string): StateEntry => ({ key, value: Buffer.from(value) });

/** The state that is staged. */
export const tables: Record<StateTable, readonly StateEntry[]> = {
  accounts: [entry('a', 'fresh'), entry('é', '2'), entry('\uffff', '3'), entry('😀', '4')],
  contracts: [entry('', 'empty'), entry('c', '')],
};

/** What a store is once `fresh` and `tables` are its contents. */
export const wanted: object = {
  checkpoint: { base: 5, head, confirmed: head, finalized: head, assumed: head },
  identity: IDENTITY,
  frames: fresh.map(plain),
  accounts: tables.accounts.map(({ key, value }) => [key, Buffer.from(value).toString()]),
  contracts: tables.contracts.map(({ key, value }) => [key, Buffer.from(value).toString()]),
  produced: [],
};

/** Puts the old blocks in a store, with some state and a cursor. */
export async function fill(store: Storage): Promise<void> {
  const changes = old.map(({ header }) => [account('a', `${header.height}`), account('gone', 'old')]);
  await store.commit(fixtureBatch(old, changes, refOf(old[1] as Frame)));
  await store.setCursor('c', { height: 4, hash: 'ab' });
}

/** Stages the state and the blocks in several calls. */
export async function stageFresh(store: Storage): Promise<StorageStage> {
  const stage = await store.stage();
  for (const table of ['accounts', 'contracts'] as const) {
    await stage.putState(table, tables[table].slice(0, 1));
    await stage.putState(table, tables[table].slice(1));
  }
  await stage.putBlocks(fresh.slice(0, 1));
  await stage.putBlocks([]);
  await stage.putBlocks(fresh.slice(1));
  return stage;
}

/** Stages new contents and activates them. */
export async function replace(store: Storage): Promise<void> {
  await (await stageFresh(store)).activate({ identity: IDENTITY, head });
}
