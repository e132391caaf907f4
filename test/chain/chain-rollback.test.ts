import test, { type ExecutionContext } from 'ava';
import { type Chain, type ChainChange, type ChainConfig, openChain } from '../../src/index.js';
import { linesOf, opsTransition } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, bytesOf, refAt } from '../engine/follow-support.js';

const memory = { use: 'memory' } as const;

async function open(t: ExecutionContext, config: Partial<ChainConfig> = {}): Promise<Chain> {
  const chain = await openChain({ storage: memory, chain: 'sealed-json', ...config });
  t.teardown(() => chain.close());
  return chain;
}

const ops = (height: number): object => ({
  ops: [{ op: 'append', table: 'accounts', key: `k${height % 2}` }],
});

test('a rollback drops the blocks above, newest first, and tells listeners where the chain ends now', async (t) => {
  const chain = await open(t);
  const refs = await chain.append(blocksOn(null, 10, 'a'));
  const changes: ChainChange[] = [];
  chain.subscribe((change) => changes.push(change));
  const to = await refAt(chain, 6);
  t.deepEqual(await chain.rollback(to), refs.slice(7).reverse());
  t.deepEqual(chain.tip().head, to);
  t.deepEqual(changes, [{ kind: 'rollback', to: await chain.header(6) } as ChainChange]);
  t.is(await chain.header(7), null);
  t.deepEqual(await chain.rollback(to), []);
  t.is(changes.length, 1);
  await chain.append(blocksOn(to, 2, 'b'));
  t.is(chain.tip().head?.height, 8);
});

test('a rollback to nothing leaves a chain that begins again, also with a state', async (t) => {
  const chain = await open(t, { stateTransition: opsTransition });
  await chain.append(blocksOn(null, 4, 'a', ops));
  t.is((await chain.rollback(null)).length, 4);
  t.is(chain.tip().head, null);
  t.deepEqual(await linesOf(chain), []);
  await chain.append(blocksOn(null, 2, 'a', ops));
  t.deepEqual(await linesOf(chain), ['accounts k0 [0]', 'accounts k1 [1]']);
});

test('appends and rollbacks asked for at once are done in their order, the state with them', async (t) => {
  const location = tempDir(t);
  const config = { storage: { use: 'leveldb', location }, stateTransition: opsTransition } as const;
  const chain = await open(t, config);
  const [first] = await chain.append(blocksOn(null, 1, 'a', ops));
  const parent = first ?? null;
  const a = blocksOn(parent, 5, 'a', ops);
  const b = blocksOn(parent, 3, 'b', ops);
  await Promise.all([chain.append(a), chain.rollback(parent), chain.append(b)]);
  t.deepEqual(await linesOf(chain), ['accounts k0 [0,2]', 'accounts k1 [1,3]']);
  const bytes = await bytesOf(chain);
  await chain.close();
  const again = await open(t, config);
  t.true(bytes.equals(await bytesOf(again)));
  await again.append(blocksOn(again.tip().head, 1, 'b', ops));
  t.deepEqual(await again.getState('accounts', 'k0'), [0, 2, 4]);
});

test('a rollback to a block that is not on the chain is STORE_GAP and changes nothing', async (t) => {
  const chain = await open(t);
  await chain.append(blocksOn(null, 5, 'a'));
  const before = await bytesOf(chain);
  for (const to of [
    { height: 3, hash: '0'.repeat(64) },
    { height: 9, hash: '0'.repeat(64) },
  ]) {
    await t.throwsAsync(chain.rollback(to), { code: 'STORE_GAP' });
  }
  t.true(before.equals(await bytesOf(chain)));
});

test('blocks deeper than the finality depth are final, in a batch and after it, and over a restart', async (t) => {
  const location = tempDir(t);
  const config = { storage: { use: 'leveldb', location }, finality: { depth: 3 } } as const;
  const chain = await open(t, config);
  await chain.append(blocksOn(null, 3, 'a'));
  t.is(chain.tip().finalized, null);
  await chain.append(blocksOn(chain.tip().head, 5, 'a'));
  t.deepEqual(chain.tip().finalized, await refAt(chain, 4));
  await chain.append(blocksOn(chain.tip().head, 1, 'a'));
  t.deepEqual(chain.tip().finalized, await refAt(chain, 5));
  const before = await bytesOf(chain);
  await t.throwsAsync(chain.rollback(await refAt(chain, 4)), { code: 'BELOW_FINALIZED' });
  await t.throwsAsync(chain.rollback(null), { code: 'BELOW_FINALIZED' });
  t.true(before.equals(await bytesOf(chain)));
  await chain.rollback(await refAt(chain, 5));
  await chain.append(blocksOn(chain.tip().head, 1, 'b'));
  t.is(chain.tip().finalized?.height, 5, 'it does not move back with the head');
  await chain.close();
  t.is((await open(t, { storage: config.storage })).tip().finalized?.height, 5);
});

test("a host's function says what is final; it never moves backwards and never goes above the head", async (t) => {
  const answers = [2, 1, null, 99];
  const seen: (number | undefined)[] = [];
  const chain = await open(t, {
    finality: (head, of) => {
      seen.push(head.height, of.tip().head?.height);
      return answers.shift() ?? null;
    },
  });
  const finals: (number | undefined)[] = [];
  for (let round = 0; round < 4; round++) {
    await chain.append(blocksOn(chain.tip().head, 3, 'a'));
    finals.push(chain.tip().finalized?.height);
  }
  t.deepEqual(finals, [2, 2, 2, 11]);
  t.deepEqual(seen, [2, undefined, 5, 2, 8, 5, 11, 8]);
});

test('a finality that can not be meant is refused', async (t) => {
  await t.throwsAsync(openChain({ storage: memory, finality: { depth: -1 } }), { instanceOf: TypeError });
  const chain = await open(t, { finality: () => 1.5 });
  await t.throwsAsync(chain.append(blocksOn(null, 3, 'a')), { instanceOf: TypeError });
  t.is(chain.tip().head, null);
});
