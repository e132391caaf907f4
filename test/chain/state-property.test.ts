import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import {
  type Chain,
  createSyncEngine,
  openChain,
  type Storage,
  type StoragePlugin,
} from '../../src/index.js';
import { serveSource } from '../helpers/servers.js';
import { linesOf, type Op, opsChain, opsTransition, replay } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';

const table = fc.constantFrom('accounts' as const, 'contracts' as const);
/** Few keys, so that blocks meet on them; some that sort or encode in ways of their own. */
const key = fc.constantFrom(
  'a',
  'b',
  'accounts/a',
  ' ',
  '\u0000',
  'ü',
  '\uffff',
  '\u{10000}',
  '__proto__',
  'x'.repeat(1024),
);
const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.parse(JSON.stringify(json)) as unknown);
const json = fc.constantFrom('1.0', '-0', '{ "a" : 1 }', '"\\u0041"', '[]', 'null', '{"a":1,"a":2}');
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('append' as const), table, key }),
  fc.record({ op: fc.constant('copy' as const), table, key }),
  fc.record({ op: fc.constant('delete' as const), table, key }),
  fc.record({ op: fc.constant('put' as const), table, key, value }),
  fc.record({ op: fc.constant('raw' as const), table, key, json }),
);
const chainOps = fc.array(fc.array(op, { maxLength: 6 }), { minLength: 1, maxLength: 40 });

/** What a writer does: appends some blocks, or goes back by some. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ back: fc.integer({ min: 0, max: 12 }) }) },
);

/** A store that can be reached from outside the chain. */
function reachable(inner: StoragePlugin): {
  readonly plugin: StoragePlugin;
  readonly storage: () => Storage;
} {
  let made: Storage | null = null;
  return { plugin: { ...inner, create: () => (made = inner.create()) }, storage: () => made as Storage };
}

async function goBack(chain: Chain, storage: Storage, by: number): Promise<void> {
  const { head } = chain.tip();
  const height = (head?.height ?? -1) - by;
  if (head === null) return;
  const header = height < 0 ? null : await chain.header(height);
  await storage.rollback(header === null ? null : { height: header.height, hash: header.hash });
}

for (const name of ['memory', 'leveldb'] as const) {
  test(`appends of any size and rollbacks leave in ${name} the state that a clean replay leads to`, async (t) => {
    const dir = tempDir(t);
    let round = 0;
    const property = fc.asyncProperty(chainOps, fc.array(step, { maxLength: 12 }), async (ops, steps) => {
      const documents = opsChain(ops);
      const inner = name === 'memory' ? memoryStorage() : levelStorage({ location: join(dir, `${round++}`) });
      const { plugin, storage } = reachable(inner);
      const chain = await openChain({ storage: plugin, stateTransition: opsTransition });
      try {
        for (const each of steps) {
          const due = (chain.tip().head?.height ?? -1) + 1;
          if ('append' in each) await chain.append(documents.slice(due, due + each.append));
          else await goBack(chain, storage(), each.back);
          const height = chain.tip().head?.height ?? -1;
          t.deepEqual(await linesOf(chain), replay(ops.slice(0, height + 1)));
        }
      } finally {
        await chain.close();
      }
    });
    await fc.assert(property, { numRuns: name === 'memory' ? 120 : 25 });
  });
}

test('a sync in batches of any size, stopped at any height and taken up again, comes to the state of a clean replay', async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(
    chainOps,
    sizes,
    fc.nat({ max: 39 }),
    async (ops, [first = 1, ...more], stop) => {
      const source = await openChain({ storage: { use: 'memory' } });
      await source.append(opsChain(ops));
      const cleanups: (() => unknown)[] = [() => source.close()];
      const url = await serveSource({ teardown: (fn) => cleanups.unshift(fn) }, source);
      const { plugin, storage } = reachable(memoryStorage());
      try {
        for (const [at, maxBatchBlocks] of [first, ...more].entries()) {
          // The second and later runs find what the first one left.
          const held = at === 0 ? plugin : { ...plugin, create: storage };
          const to = at === 0 ? Math.min(stop, ops.length - 1) : null;
          const engine = createSyncEngine({
            peers: [url],
            storage: held,
            to,
            limits: { maxBatchBlocks },
            stateTransition: opsTransition,
          });
          await engine.start();
          const wanted = replay(to === null ? ops : ops.slice(0, to + 1));
          t.deepEqual(await linesOf(engine.chain as Chain), wanted);
          await engine.close();
        }
      } finally {
        for (const cleanup of cleanups) await cleanup();
      }
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test('a transition that fails at any block leaves the store as if the batch had ended before it', async (t) => {
  const property = fc.asyncProperty(
    chainOps,
    fc.nat(),
    fc.integer({ min: 1, max: 60 }),
    async (ops, at, size) => {
      const failing = at % ops.length;
      const chain = await openChain({
        storage: { use: 'memory' },
        stateTransition: {
          async apply(block, state) {
            await opsTransition.apply(block, state);
            if (block.height === failing) throw new Error('no');
          },
        },
      });
      const told: number[] = [];
      const onDurable = (frames: readonly { readonly header: { readonly height: number } }[]): void => {
        told.push(...frames.map(({ header }) => header.height));
      };
      const verifier = chain.verifier();
      const frames = opsChain(ops).map((document) => verifier.document(document));
      let error: unknown = null;
      for (let from = 0; from < frames.length && error === null; from += size) {
        error = await chain.commit(frames.slice(from, from + size), { onDurable }).then(
          () => null,
          (reason: unknown) => reason,
        );
      }
      t.like(error, { code: 'STATE_FAILED', context: { height: failing } });
      t.is(chain.tip().head?.height ?? -1, failing - 1);
      t.deepEqual(told, [...frames.keys()].slice(0, failing));
      t.deepEqual(await linesOf(chain), replay(ops.slice(0, failing)));
      await chain.close();
    },
  );
  await fc.assert(property, { numRuns: 60 });
});
