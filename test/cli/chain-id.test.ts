import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

const chain = sealedChain(5);
const { hash } = JSON.parse(Buffer.from(chain[0] ?? []).toString()) as { readonly hash: string };
const OTHER = 'ab'.repeat(32);

test('--chain-id takes blocks of that chain and of no other, from a peer, from a file, and to serve', async (t) => {
  const dir = tempDir(t);
  const [store, file] = [join(dir, 'a'), join(dir, 'blocks.ndjson')];
  writeFileSync(file, ndjson(chain));
  await makeStore(store, chain);
  const wrong = await run(['serve', '--data', store, '--port', '0', '--chain-id', OTHER]);
  t.is(wrong.code, 1);
  t.regex(wrong.stderr, /CHAIN_MISMATCH/);
  const { url } = await serve(t, store, '--chain-id', hash);
  for (const command of [
    (name: string) => ['sync', '--peer', url, '--data', join(dir, name)],
    (name: string) => ['import', '--data', join(dir, name), file],
  ]) {
    const name = command('').at(0) ?? '';
    const refused = await run([...command(`${name}-wrong`), '--chain-id', OTHER]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /(CHAIN|CHECKPOINT)_MISMATCH/);
    const taken = await run([...command(`${name}-right`), '--chain-id', hash]);
    t.is(taken.code, 0, taken.stderr);
  }
});
