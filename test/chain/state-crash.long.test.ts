import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type BlockSource, type Chain, openChain } from '../../src/index.js';
import { serveSource } from '../helpers/servers.js';
import { linesOf, opsChain, opsTransition, replay, someOps } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';

const script = fileURLToPath(new URL('../helpers/state-sync-process.js', import.meta.url));
const blocks = someOps(3000);

interface Kill {
  /** The height that the store had before. */
  readonly above: number;
  /** How long after the first commit. */
  readonly ms: number;
}

/** Lets a sync run until some time after its first commit, kills it, and gives the last height it told. */
async function killedSync(
  t: ExecutionContext,
  url: string,
  location: string,
  { above, ms }: Kill,
): Promise<number> {
  const child = spawn(process.execPath, [script, url, location], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  let told = -1;
  const lines = createInterface(child.stdout);
  const gone = once(lines, 'close');
  const begun = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      told = Number(line);
      if (told > above) resolve();
    });
  });
  await Promise.race([begun, gone]);
  await sleep(ms);
  child.kill('SIGKILL');
  await gone;
  return told;
}

/** A source that has nothing to give above a height: nobody comes to the end of it, however fast. */
function withheld(source: Chain, above: () => number): BlockSource {
  return {
    chain: source.chain,
    chainId: () => source.chainId(),
    tip: () => source.tip(),
    header: (height) => source.header(height),
    subscribe: (listener) => source.subscribe(listener),
    async *read({ from, to }, options) {
      for await (const frames of source.read({ from, to: Math.min(to, above()) }, options)) yield frames;
      await new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => {
          reject(new Error('The reader is gone.'));
        });
      });
    },
  };
}

test('after each kill of a syncing process the state is what a replay of the stored blocks leads to', async (t) => {
  const source = await openChain({ storage: { use: 'memory' } });
  t.teardown(() => source.close());
  await source.append(opsChain(blocks));
  const heights: number[] = [];
  const url = await serveSource(
    t,
    withheld(source, () => (heights.length + 1) * 590),
  );
  const location = join(tempDir(t), 'store');
  for (let round = 0; round < 5; round++) {
    const told = await killedSync(t, url, location, { above: heights.at(-1) ?? -1, ms: 40 * round });
    const chain = await openChain({ storage: { use: 'leveldb', location }, stateTransition: opsTransition });
    const height = chain.tip().head?.height ?? -1;
    t.true(height >= told, `round ${round}: head ${height}, told ${told}`);
    t.deepEqual(await linesOf(chain), replay(blocks.slice(0, height + 1)), `round ${round}, head ${height}`);
    await chain.close();
    heights.push(height);
  }
  t.log(`heads after the kills: ${heights.join(', ')}`);
  t.is(new Set(heights).size, 5, 'each run went on');
  t.true((heights.at(-1) ?? 0) < blocks.length - 1, 'and none came to its end');
});
