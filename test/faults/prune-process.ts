// Adds blocks with a state to a store and prunes it, again and again, until it is killed. Prints what is durable.
import { existsSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openChain } from '../../src/index.js';
import { countBlocks } from './prune-state.js';

const [location = '', how = ''] = process.argv.slice(2);
const chain = await openChain({ storage: { use: 'leveldb', location }, stateTransition: countBlocks });
writeSync(1, `open ${chain.tip().head?.height ?? -1} ${chain.tip().base}\n`);

for (let round = 0; ; round++) {
  const records = Array.from({ length: 400 + ((round * 271) % 900) }, (_, at) => ({
    at,
    text: 'x'.repeat(1500),
  }));
  await chain.produce(records);
  await chain.tilesMade();
  writeSync(1, `head ${chain.tip().head?.height ?? -1} ${chain.tip().base}\n`);
  if (how === 'files-first') removeOldest(join(location, 'db', 'tiles'));
  writeSync(1, `pruning ${chain.tip().head?.height ?? -1} ${chain.tip().base}\n`);
  await chain.prune({ keep: 1200 });
  writeSync(1, `pruned ${chain.tip().head?.height ?? -1} ${chain.tip().base}\n`);
}

/** What a store would do that removes the files of old blocks before the base moves. */
function removeOldest(path: string): void {
  const [oldest] = existsSync(path) ? readdirSync(path).sort() : [];
  if (oldest !== undefined) rmSync(join(path, oldest));
}
