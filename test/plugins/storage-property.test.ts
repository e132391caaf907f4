import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { BlockRef, Frame, StateChange, Storage } from '../../src/contracts/index.js';
import type { StorageFixture } from '../../src/testing/compliance/storage.js';
import { everything, plain, rejects } from '../../src/testing/compliance/storage-kit.js';
import {
  account,
  FIXTURE_IDENTITY,
  fixtureBatch,
  fixtureFrames,
  refOf,
} from '../../src/testing/fixture-frames.js';
import { levelFixture, memoryFixture } from '../helpers/storage-fixtures.js';

type Change = readonly [table: StateChange['table'], key: number, value: number | null];
type Command =
  | {
      readonly kind: 'commit';
      readonly changes: readonly (readonly Change[])[];
      readonly final: number | null;
    }
  | {
      readonly kind: 'replace';
      readonly down: number;
      readonly changes: readonly (readonly Change[])[];
    }
  | { readonly kind: 'advance'; readonly confirmed: number; readonly final: number | null }
  | { readonly kind: 'rollback'; readonly down: number }
  | { readonly kind: 'empty' }
  | { readonly kind: 'stage'; readonly changes: readonly (readonly Change[])[]; readonly isKept: boolean }
  | { readonly kind: 'reopen' };

const KEYS = ['a', 'b', '', 'é', '😀', '\uffff'];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('accounts' as const, 'contracts' as const, 'produced' as const),
  fc.nat({ max: KEYS.length - 1 }),
  fc.option(fc.nat({ max: 9 }), { nil: null }),
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      changes: fc.array(fc.array(change, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      final: fc.option(fc.nat({ max: 12 }), { freq: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rollback' as const), down: fc.nat({ max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      down: fc.nat({ max: 6 }),
      changes: fc.array(fc.array(change, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      confirmed: fc.nat({ max: 4 }),
      final: fc.option(fc.nat({ max: 12 })),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'empty' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('stage' as const),
      changes: fc.array(fc.array(change, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      isKept: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

type Tables = Record<StateChange['table'], Map<string, string>>;

/** A store as simple as it can be: the state after every block, kept whole. */
class Model {
  blocks: { readonly frame: Frame; readonly state: Tables }[] = [];
  confirmed: BlockRef | null = null;
  finalized: BlockRef | null = null;
  assumed: BlockRef | null = null;
  started = false;

  get state(): Tables {
    return this.blocks.at(-1)?.state ?? { accounts: new Map(), contracts: new Map(), produced: new Map() };
  }

  add(frame: Frame, changes: readonly StateChange[]): void {
    const { accounts, contracts, produced } = this.state;
    const state: Tables = {
      accounts: new Map(accounts),
      contracts: new Map(contracts),
      produced: new Map(produced),
    };
    for (const { table, key, value } of changes) {
      if (value === null) state[table].delete(key);
      else state[table].set(key, Buffer.from(value).toString());
    }
    this.blocks.push({ frame, state });
    this.started = true;
  }

  /** So many blocks below the head; `null` when there are not as many. */
  refBelow(count: number): BlockRef | null {
    const block = this.blocks.at(-1 - count);
    return block === undefined ? null : refOf(block.frame);
  }

  /** What is final is confirmed. */
  finalize(ref: BlockRef | null): void {
    this.confirm(ref);
    if (ref !== null && ref.height > (this.finalized?.height ?? -1)) this.finalized = ref;
  }

  confirm(ref: BlockRef | null): void {
    if (ref !== null && ref.height > (this.confirmed?.height ?? -1)) this.confirmed = ref;
  }

  /** Drops blocks; what is confirmed goes along. */
  keep(count: number): void {
    this.blocks.splice(count);
    const head = this.refBelow(0);
    if (this.confirmed !== null && this.confirmed.height > (head?.height ?? -1)) this.confirmed = head;
  }

  seen(base: number): object {
    const last = this.blocks.at(-1)?.frame;
    const { confirmed, finalized, assumed } = this;
    const sorted = (table: Map<string, string>): readonly (readonly [string, string])[] =>
      [...table].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return {
      checkpoint: { base, head: last === undefined ? null : refOf(last), confirmed, finalized, assumed },
      identity: this.started ? FIXTURE_IDENTITY : null,
      frames: this.blocks.map(({ frame }) => plain(frame)),
      accounts: sorted(this.state.accounts),
      contracts: sorted(this.state.contracts),
      produced: sorted(this.state.produced),
    };
  }
}

function toChange([table, key, value]: Change): StateChange {
  return { ...account(KEYS[key] ?? '', value === null ? null : `${value}`), table };
}

async function commit(
  store: Storage,
  model: Model,
  step: Command & { kind: 'commit' },
  at: number,
): Promise<void> {
  const on = model.blocks.at(-1)?.frame.header ?? null;
  const frames = fixtureFrames(step.changes.length, { on, from: at, branch: `${at}` });
  const changes = step.changes.map((each) => each.map(toChange));
  for (const [i, frame] of frames.entries()) model.add(frame, changes[i] ?? []);
  const finalized = step.final === null ? null : model.refBelow(step.final);
  await store.commit(fixtureBatch(frames, changes, finalized));
  model.finalize(finalized);
}

/** Stages a chain with the state that its blocks would have left, and activates it or not. */
async function stage(
  store: Storage,
  model: Model,
  step: Command & { kind: 'stage' },
  at: number,
): Promise<void> {
  const next = new Model();
  const frames = fixtureFrames(step.changes.length, { from: at, branch: `staged ${at}` });
  for (const [i, frame] of frames.entries()) next.add(frame, (step.changes[i] ?? []).map(toChange));
  const head = next.refBelow(0) as BlockRef;
  // What was asked of a node is no part of what it imports.
  for (const { state } of next.blocks) state.produced.clear();
  const staged = await store.stage();
  for (const table of ['accounts', 'contracts'] as const) {
    const entries = [...next.state[table]].map(([key, value]) => ({ key, value: Buffer.from(value) }));
    await staged.putState(table, entries);
  }
  await staged.putBlocks(frames);
  if (step.isKept) {
    await staged.activate({ identity: FIXTURE_IDENTITY, head });
    // Only the state after the last block is known; the blocks below are final.
    Object.assign(model, {
      blocks: next.blocks,
      confirmed: head,
      finalized: head,
      assumed: head,
      started: true,
    });
  }
  await staged.close();
}

async function rollback(store: Storage, model: Model, keep: number): Promise<void> {
  const to = model.blocks[keep - 1]?.frame;
  const ref = to === undefined ? null : refOf(to);
  if (model.finalized !== null && (ref === null || ref.height < model.finalized.height)) {
    await rejects(() => store.rollback(ref), 'BELOW_FINALIZED');
    return;
  }
  await store.rollback(ref);
  model.keep(keep);
}

/** Puts another branch in the place of the newest blocks, in one batch; one block is kept. */
async function replace(
  store: Storage,
  model: Model,
  step: Command & { kind: 'replace' },
  at: number,
): Promise<void> {
  const keep = Math.max(1, model.blocks.length - step.down);
  const to = model.blocks[keep - 1]?.frame;
  if (to === undefined) return;
  const frames = fixtureFrames(step.changes.length, { on: to.header, branch: `replacing ${at}` });
  const changes = step.changes.map((each) => each.map(toChange));
  const batch = { ...fixtureBatch(frames, changes), rollbackTo: refOf(to) };
  if (model.finalized !== null && to.header.height < model.finalized.height) {
    await rejects(() => store.commit(batch), 'BELOW_FINALIZED');
    return;
  }
  await store.commit(batch);
  model.keep(keep);
  for (const [i, frame] of frames.entries()) model.add(frame, changes[i] ?? []);
}

async function advance(store: Storage, model: Model, step: Command & { kind: 'advance' }): Promise<void> {
  const confirmed = model.refBelow(step.confirmed);
  const finalized = step.final === null ? null : model.refBelow(Math.max(step.final, step.confirmed));
  await store.advance({ confirmed, finalized });
  model.confirm(confirmed);
  model.finalize(finalized);
}

async function apply(
  store: Storage,
  model: Model,
  step: Exclude<Command, { kind: 'reopen' }>,
  at: number,
): Promise<void> {
  switch (step.kind) {
    case 'commit':
      return commit(store, model, step, at);
    case 'stage':
      return stage(store, model, step, at);
    case 'replace':
      return replace(store, model, step, at);
    case 'advance':
      return advance(store, model, step);
    case 'rollback':
      return rollback(store, model, Math.max(1, model.blocks.length - step.down));
    case 'empty':
      return rollback(store, model, 0);
  }
}

function behaves(title: string, fixture: StorageFixture, numRuns: number): void {
  test(title, async (t: ExecutionContext) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 14 }), async (commands) => {
        let store = await fixture.create();
        await store.open();
        const model = new Model();
        try {
          for (const [at, step] of commands.entries()) {
            if (step.kind !== 'reopen') await apply(store, model, step, at);
            else if (store.supports.durable) {
              store = await fixture.reopen(store);
              await store.open();
            }
            const base = model.blocks[0]?.frame.header.height ?? store.checkpoint().base;
            t.deepEqual(await everything(store), model.seen(base));
          }
        } finally {
          await store.close();
        }
      }),
      { numRuns },
    );
  });
}

const level = levelFixture();
test.after.always('The folders are removed', () => {
  level.clean();
});

behaves(
  'The memory store is the model after any commits, replacements, rollbacks, confirmations, finalities and stages',
  memoryFixture,
  200,
);
behaves(
  'The LevelDB store is the model after any commits, replacements, rollbacks, confirmations, finalities, stages and restarts',
  level,
  25,
);
