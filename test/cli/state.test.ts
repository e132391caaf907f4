import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openChain } from '../../src/index.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { projectRoot } from '../helpers/shared.js';
import { linesOf, opsChain, replay, someOps, type StateLines } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { serve } from './cli.js';
import { run } from './in-process.js';

const blocks = someOps(60);
const chain = opsChain(blocks);

/** A folder with a module whose default export is the transition of these tests. */
function folderWithModule(t: Parameters<typeof tempDir>[0]): (name: string) => string {
  const dir = tempDir(t);
  const model = new URL(`file://${join(projectRoot, 'dist', 'test', 'helpers', 'state-model.js')}`).href;
  writeFileSync(join(dir, 'ops.mjs'), `export { opsTransition as default } from '${model}';`);
  return (name) => join(dir, name);
}

async function stateOf(location: string): Promise<StateLines> {
  const stored = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
  const lines = await linesOf(stored);
  await stored.close();
  return lines;
}

test('import, serve --ingest and sync keep the state with the module that --state names', async (t) => {
  const at = folderWithModule(t);
  const state = ['--state', at('ops.mjs')];
  const imported = await run(['import', '--data', at('a'), ...state, '-'], ndjson(chain.slice(0, 20)));
  t.is(imported.code, 0, imported.stderr);
  t.deepEqual(await stateOf(at('a')), replay(blocks.slice(0, 20)));
  const { cli, url } = await serve(t, at('a'), '--ingest', '-', ...state);
  cli.stdin.end(ndjson(chain.slice(20)));
  await cli.waitFor(
    ({ event, head }) => event === 'checkpoint' && (head as { height: number }).height === 59,
  );
  const synced = await run(['sync', '--peer', url, '--data', at('b'), ...state]);
  t.is(synced.code, 0, synced.stderr);
  cli.kill('SIGTERM');
  t.is((await cli.finished).code, 0);
  t.deepEqual(await stateOf(at('a')), replay(blocks));
  t.deepEqual(await stateOf(at('b')), replay(blocks));
});

test('a store with a state takes no block without --state, and can be exported and verified', async (t) => {
  const at = folderWithModule(t);
  const state = ['--state', at('ops.mjs')];
  await run(['import', '--data', at('a'), ...state, '-'], ndjson(chain.slice(0, 20)));
  const without = await run(['import', '--data', at('a'), '-'], ndjson(chain.slice(20)));
  t.is(without.code, 1);
  t.regex(without.stderr, /^STATE_FAILED: .*kept by a state transition/m);
  t.deepEqual((await run(['export', '--data', at('a')])).stdout, ndjson(chain.slice(0, 20)));
  t.is((await run(['verify', '--data', at('a')])).code, 0);
});

test('a block at which the module fails is named, and those before it are stored', async (t) => {
  const at = folderWithModule(t);
  writeFileSync(
    at('bad.mjs'),
    'export default { apply({ height }) { if (height === 12) throw new Error("odd"); } };',
  );
  const { code, stderr } = await run(
    ['import', '--data', at('a'), '--state', at('bad.mjs'), '-'],
    ndjson(chain),
  );
  t.is(code, 1);
  t.regex(stderr, /^STATE_FAILED: The state transition failed at block 12: odd$/m);
  t.deepEqual((await run(['export', '--data', at('a')])).stdout, ndjson(chain.slice(0, 12)));
});

test('a module that is missing, broken or exports no transition is told of, and no store is made', async (t) => {
  const at = folderWithModule(t);
  writeFileSync(at('throws.mjs'), 'throw new Error("at once");');
  writeFileSync(at('other.mjs'), 'export default { aply() {} };');
  const cases = [
    ['missing.mjs', 1, /^INPUT_UNREADABLE: Loading the module .*missing\.mjs failed/],
    ['throws.mjs', 1, /^INPUT_UNREADABLE: .*: at once/],
    ['other.mjs', 2, /^USAGE: --state has no method `apply`; it must be an object with a method `apply`\.$/m],
  ] as const;
  for (const [name, status, message] of cases) {
    const { code, stderr } = await run(
      ['import', '--data', at('a'), '--state', at(name), '-'],
      ndjson(chain),
    );
    t.is(code, status, stderr);
    t.regex(stderr, message);
    t.is((await run(['status', '--data', at('a')])).code, 1);
  }
});
