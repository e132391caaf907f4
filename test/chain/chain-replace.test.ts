import test, { type ExecutionContext } from 'ava';
import { type Chain, type ChainChange, type ChainConfig, openChain } from '../../src/index.js';
import type { Frame, StateBlock, StateTables } from '../../src/contracts/index.js';
import { linesOf, opsTransition } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { blocksOn, bytesOf, refAt } from '../engine/follow-support.js';

async function open(t: ExecutionContext, config: Partial<ChainConfig> = {}): Promise<Chain> {
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const chain = await openChain({ storage, chain: 'sealed-json', ...config });
  t.teardown(() => chain.close());
  return chain;
}

const ops = (height: number): object => ({
  ops: [{ op: 'append', table: 'accounts', key: `k${height % 2}` }],
});

/** Makes the frames of a branch. */
async function framesOn(
  chain: Chain,
  height: number,
  documents: readonly Uint8Array[],
): Promise<readonly Frame[]> {
  const head = await refAt(chain, height);
  const verifier = chain.verifier({ head, base: 0 });
  return documents.map((document) => verifier.document(document));
}

test('a branch takes the place of blocks with its state, in one step that listeners hear in order', async (t) => {
  const chain = await open(t, { stateTransition: opsTransition });
  const refs = await chain.append(blocksOn(null, 6, 'a', ops));
  const to = await refAt(chain, 2);
  const changes: string[] = [];
  chain.subscribe((change: ChainChange) => {
    changes.push(`${change.kind} ${chain.tip().head?.height ?? -1}`);
  });
  const frames = await framesOn(chain, 2, blocksOn(to, 5, 'b', ops));
  t.deepEqual(await chain.replace(to, frames), refs.slice(3).reverse());
  t.deepEqual(changes, ['rollback 7', 'extend 7']);
  t.deepEqual(await linesOf(chain), ['accounts k0 [0,2,4,6]', 'accounts k1 [1,3,5,7]']);
  t.deepEqual(chain.tip().confirmed, chain.tip().head);
});

test('a state transition that fails on a branch leaves the old branch, its state and its listeners alone', async (t) => {
  const failing = {
    apply(block: StateBlock, state: StateTables): Promise<void> | void {
      if (block.text().includes('"b"') && block.height === 5) throw new Error('no');
      return opsTransition.apply(block, state);
    },
  };
  const chain = await open(t, { stateTransition: failing });
  await chain.append(blocksOn(null, 6, 'a', ops));
  const [bytes, lines] = [await bytesOf(chain), await linesOf(chain)];
  const to = await refAt(chain, 2);
  const changes: ChainChange[] = [];
  chain.subscribe((change) => changes.push(change));
  const frames = await framesOn(
    chain,
    2,
    blocksOn(to, 5, 'b', (height) => ({ ...ops(height), by: 'b' })),
  );
  await t.throwsAsync(chain.replace(to, frames), { code: 'STATE_FAILED' });
  t.deepEqual([await bytesOf(chain), await linesOf(chain)], [bytes, lines]);
  t.deepEqual(changes, []);
  await chain.append(blocksOn(chain.tip().head, 1, 'a', ops));
  t.is(chain.tip().head?.height, 6);
});

test('a branch that begins below the final block, or at a block that is not held, is refused and changes nothing', async (t) => {
  const chain = await open(t, { finality: { depth: 2 } });
  await chain.append(blocksOn(null, 6, 'a'));
  const bytes = await bytesOf(chain);
  const low = await refAt(chain, 1);
  const frames = await framesOn(chain, 1, blocksOn(low, 7, 'b'));
  await t.throwsAsync(chain.replace(low, frames), { code: 'BELOW_FINALIZED' });
  await t.throwsAsync(chain.replace({ height: 4, hash: low.hash }, frames), { code: 'STORE_GAP' });
  t.deepEqual(await bytesOf(chain), bytes);
});

test('a store that was filled without finality has final blocks once it is opened with it', async (t) => {
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const chain = await openChain({ storage });
  await chain.append(blocksOn(null, 10, 'a'));
  t.is(chain.tip().finalized, null);
  await chain.close();
  const again = await open(t, { storage, finality: { depth: 3 } });
  t.is(again.tip().finalized?.height, 6);
});
