import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { projectRoot } from '../helpers/shared.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { serve } from './cli.js';
import { run } from './in-process.js';

const chain = sealedChain(10, (height) => ({ author: height === 9 ? 'mallory' : 'ada' }));
const plain = ndjson(chain.slice(0, 9));
const EXAMPLE = pathToFileURL(join(projectRoot, 'dist', 'examples', 'plugin-chain-rules.js')).href;

/** A module whose rules take blocks by `ada` only, and a store that was made by them. */
async function made(t: ExecutionContext): Promise<{ dir: string; rules: string; data: string }> {
  const dir = tempDir(t);
  const rules = join(dir, 'rules.mjs');
  writeFileSync(
    rules,
    `import { consortium } from ${JSON.stringify(EXAMPLE)};\nexport default consortium(['ada']);\n`,
  );
  const data = join(dir, 'a');
  const { code, stderr } = await run(['import', '--data', data, '--chain', rules, '-'], ndjson(chain));
  t.is(code, 1);
  t.regex(stderr, /^BLOCK_MALFORMED: Block 9 is by "mallory"/);
  return { dir, rules, data };
}

test("rules of one's own are named by a module: by import, serve, sync and verify", async (t) => {
  const { dir, rules, data } = await made(t);
  t.is((await run(['verify', '--data', data, '--chain', rules])).code, 0);
  const server = await serve(t, data, '--chain', rules);
  const copy = join(dir, 'b');
  const sync = await run(['sync', '--peer', server.url, '--data', copy, '--chain', rules]);
  t.is(sync.code, 0, sync.stderr);
  t.true(plain.equals((await run(['export', '--data', copy, '--chain', rules])).stdout));
});

test('status, export, get and serve need no rules; what checks or adds blocks does', async (t) => {
  const { data } = await made(t);
  const exported = await run(['export', '--data', data]);
  t.true(plain.equals(exported.stdout), exported.stderr);
  t.is((await run(['status', '--data', data])).code, 0);
  t.true((await run(['get', '8', '--data', data])).stdout.equals(ndjson(chain.slice(8, 9))));
  for (const args of [
    ['verify', '--data', data],
    ['import', '--data', data, '-'],
  ]) {
    const { code, stderr } = await run(args, plain);
    t.not(code, 0);
    t.regex(stderr, /consortium/);
  }
  const { url } = await serve(t, data);
  t.is((await fetch(`${url}/sync/json?from=0&to=8`)).status, 200);
});

test('a module that is missing or exports no rules is wrong usage, by its name', async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'none.mjs'), 'export default 1;\n');
  for (const [module, message] of [
    [join(dir, 'missing.mjs'), /missing\.mjs could not be loaded/],
    [join(dir, 'none.mjs'), /none\.mjs has no default export that is a plugin/],
    ['no-such-package-here', /no-such-package-here/],
  ] as const) {
    const { code, stderr } = await run(['import', '--data', join(dir, 'a'), '--chain', module, '-'], plain);
    t.is(code, 2);
    t.regex(stderr, message);
  }
});
