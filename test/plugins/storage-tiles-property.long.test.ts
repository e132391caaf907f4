import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { BlockRef, Frame, Storage } from '../../src/contracts/index.js';
import { entriesOf, readAll } from '../../src/testing/compliance/storage-kit.js';
import {
  account,
  documentFrames,
  type DocumentKind,
  fixtureBatch,
  refOf,
} from '../../src/testing/fixture-frames.js';
import { documentOf, tilesWithin } from '../../src/testing/fixture-tiles.js';
import { type DecidedCut, TileCutter } from '../../src/tiles/cut.js';
import type { StorageFixture } from '../../src/testing/compliance/storage.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { levelFixture, memoryFixture } from '../helpers/storage-fixtures.js';

type Command =
  | {
      readonly kind: 'commit';
      readonly blocks: readonly DocumentKind[];
      readonly down: number;
      /** Which of the batch's tiles come whole: one bit for each. */
      readonly whole: number;
    }
  | { readonly kind: 'rollback'; readonly down: number }
  | { readonly kind: 'settle'; readonly down: number }
  | { readonly kind: 'reopen' };

const block: fc.Arbitrary<DocumentKind> = fc.record({
  bytes: fc.constantFrom(200, 900, 3000, 70_000, 700_000, 1_400_000, 2_200_000, 5_000_000),
  isGzip: fc.boolean(),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      blocks: fc.array(block, { minLength: 1, maxLength: 6 }),
      whole: fc.oneof(fc.constant(0), fc.constant(63), fc.nat({ max: 63 })),
      down: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 9 }) }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), down: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), down: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

/** Blocks each of which is a tile by itself: made by the store, or given to it whole. */
const sureOfTiles = (whole: number): Command[] => [
  {
    kind: 'commit',
    blocks: Array.from({ length: 4 }, () => ({ bytes: 5_000_000, isGzip: false })),
    whole,
    down: 0,
  },
  { kind: 'settle', down: 0 },
  { kind: 'reopen' },
  { kind: 'rollback', down: 2 },
];

/** A chain and how far it was settled, as simple as can be. */
class Model {
  frames: Frame[] = [];
  settled = -1;

  keep(count: number): void {
    this.frames.splice(count);
    this.settled = Math.min(this.settled, this.frames.at(-1)?.header.height ?? -1);
  }

  below(count: number): BlockRef | null {
    const frame = this.frames[Math.max(0, this.frames.length - 1 - count)];
    return frame === undefined ? null : refOf(frame);
  }

  tiles(): readonly string[] {
    const base = this.frames[0]?.header.height ?? 0;
    const cutter = new TileCutter(base);
    return this.frames
      .flatMap(({ header, documentBytes }): readonly DecidedCut[] =>
        cutter.push(header.height, documentBytes),
      )
      .filter(({ decidedAt }) => decidedAt <= this.settled)
      .map(({ from, to }) => `${from}-${to}`);
  }
}

async function tilesOf(store: Storage): Promise<readonly string[]> {
  const { head, base } = store.checkpoint();
  const found: string[] = [];
  for (let height = base; height <= (head?.height ?? -1); height++) {
    const tile = await store.tiles?.at(height);
    if (tile?.from === height) found.push(`${tile.from}-${tile.to}`);
  }
  return found;
}

async function commit(
  store: Storage,
  model: Model,
  step: Command & { kind: 'commit' },
  at: number,
): Promise<void> {
  const to = step.down === 0 ? null : model.below(step.down);
  const frames = documentFrames(step.blocks, {
    on: to ?? model.frames.at(-1)?.header ?? null,
    from: 1,
    branch: `${at}`,
  });
  const changes = frames.map(({ header }) => [account('last', header.hash)]);
  const tiles = tilesWithin(frames).filter((_, index) => (step.whole >> index) % 2 === 1);
  await store.commit({ ...fixtureBatch(frames, changes), rollbackTo: to, tiles });
  if (to !== null) model.keep(model.frames.findIndex(({ header }) => header.height === to.height) + 1);
  model.frames.push(...frames);
}

async function apply(store: Storage, model: Model, step: Command, at: number): Promise<void> {
  if (step.kind === 'commit') await commit(store, model, step, at);
  else if (step.kind !== 'reopen') {
    const ref = model.below(step.down);
    if (ref === null) return;
    if (step.kind === 'settle') {
      await store.tiles?.settle(ref.height);
      model.settled = Math.max(model.settled, ref.height);
    } else {
      await store.rollback(ref);
      model.keep(model.frames.findIndex(({ header }) => header.height === ref.height) + 1);
    }
  }
}

const level = levelFixture();
test.after.always('The folders are removed', () => {
  level.clean();
});

const title = (name: string): string =>
  `After any commits, replacements, rollbacks and restarts a ${name} store has the blocks, the state and the tiles of its chain`;

test(title('LevelDB'), (t) => behaves(t, level, 15));
test(title('memory'), (t) => behaves(t, memoryFixture, 15));

const postgres = postgresTest();
postgres.test(title('PostgreSQL'), (t) => behaves(t, postgresFixture(), 5));

/** Rows of no use are removed soon, so that a read may meet what is half removed. */
function postgresFixture(): StorageFixture {
  const names = new WeakMap<Storage, string>();
  let count = 0;
  const at = (name: string): Storage => {
    const store = postgres.store(name, { retainMs: 1 });
    names.set(store, name);
    return store;
  };
  return {
    create: () => Promise.resolve(at(`p${count++}`)),
    reopen: async (store) => {
      await store.close();
      return at(names.get(store) ?? '');
    },
    keepsTiles: true,
  };
}

async function behaves(t: ExecutionContext, fixture: StorageFixture, numRuns: number): Promise<void> {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  let most = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 12 }), async (commands) => {
      let store = await fixture.create();
      await store.open();
      const model = new Model();
      try {
        for (const [at, step] of commands.entries()) {
          if (step.kind === 'reopen' && store.supports.durable) {
            store = await fixture.reopen(store);
            await store.open();
          }
          await apply(store, model, step, at);
          const tiles = await tilesOf(store);
          most = Math.max(most, tiles.length);
          t.deepEqual(tiles, model.tiles());
          const found = await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER });
          t.deepEqual(
            found.map(({ header }) => header),
            model.frames.map(({ header }) => header),
          );
          t.true(found.every((frame, i) => documentOf(frame).equals(documentOf(model.frames[i] as Frame))));
          const last = model.frames.at(-1)?.header.hash;
          t.deepEqual(await entriesOf(store), last === undefined ? [] : [['last', last]]);
        }
      } finally {
        await store.close();
      }
    }),
    { numRuns, seed, examples: [[sureOfTiles(0)], [sureOfTiles(63)]] },
  );
  t.true(most > 0);
}
