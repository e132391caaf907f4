import { join } from 'node:path';
import test from 'ava';
import { openChain } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';

const documents = sealedChain(2300, (at) => ({ at }));

test.serial('prune says what would go, drops it, and is wrong usage without a bound', async (t) => {
  const data = join(tempDir(t), 'node');
  const chain = await openChain({ storage: { use: 'leveldb', location: data } });
  await chain.append(documents);
  // A directory is its owner's, who can prune it.
  const locked = await run(['prune', '--data', data, '--keep', '5']);
  t.is(locked.code, 1);
  t.regex(locked.stderr, /^STORE_LOCKED: .* chain\.prune\(\)/);
  await chain.close();
  const prune = (...args: string[]): ReturnType<typeof run> => run(['prune', '--data', data, ...args]);
  for (const args of [[], ['--keep', '5', '--before', '5'], ['--keep', '0']])
    t.is((await prune(...args)).code, 2);
  const dry = await prune('--keep', '1000', '--dry-run');
  t.is(String(dry.stdout), 'Would drop 1,024 blocks, 0 to 1023; the store would begin at block 1024.\n');
  const told = await prune('--before', '1500', '--json');
  const { head, ...rest } = JSON.parse(String(told.stdout)) as { head: { height: number } };
  t.is(head.height, 2299);
  t.like(rest, { event: 'done', from: 0, base: 1024, blocks: 1024, settled: 2235, dryRun: false });
  const again = await prune('--before', '1500');
  t.is(
    String(again.stdout),
    'Nothing to drop: the store begins at block 1024, and block 2235 is the newest that is settled.\n',
  );
  const below = await run(['get', '5', '--data', data]);
  t.regex(below.stderr, /^BELOW_BASE: The oldest block of the store is 1024/);
  t.is((await run(['prune', '--data', join(data, 'none'), '--keep', '5'])).code, 1);
});
