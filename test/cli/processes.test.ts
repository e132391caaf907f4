import { join } from 'node:path';
import test from 'ava';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { runAlone, serve } from './cli.js';
import { makeStore } from './stores.js';

/** Commands that leave the store as it is. Import, seal, sync and export are in the round trip. */
const COMMANDS: readonly (readonly string[])[] = [
  ['status', '--data', 'DIR/a'],
  ['get', '--data', 'DIR/a', '3'],
  ['verify', '--data', 'DIR/a'],
  ['prune', '--data', 'DIR/a', '--keep', '5', '--dry-run'],
  ['publish', '--data', 'DIR/a', '--out', 'DIR/published'],
  ['keygen', '--out', 'DIR/key'],
  ['snapshot', 'create', '--data', 'DIR/a', '--key', 'DIR/key'],
  ['backup', '--data', 'DIR/a', 'DIR/copy'],
  ['status', '--peer', 'URL'],
  ['doctor', '--peer', 'URL'],
];

test('a command whose work is done ends its process by itself, with status 0', async (t) => {
  const dir = tempDir(t);
  await makeStore(join(dir, 'a'), sealedChain(20));
  await makeStore(join(dir, 'served'), sealedChain(20));
  const { url } = await serve(t, join(dir, 'served'));
  for (const command of COMMANDS) {
    const ended = await runAlone(
      t,
      command.map((word) => word.replace('DIR', dir).replace('URL', url)),
    );
    t.is(ended.code, 0, `${command.join(' ')}\n${ended.stderr}${ended.stdout.toString()}`);
  }
});
