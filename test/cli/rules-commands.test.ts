import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { consortium } from '../../examples/plugin-chain-rules.js';
import { openChain } from '../../src/index.js';
import { COMMANDS } from '../../src/cli/program.js';
import { projectRoot } from '../helpers/shared.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';

const documents = sealedChain(1200, () => ({ author: 'ada' }));
const EXAMPLE = pathToFileURL(join(projectRoot, 'dist', 'examples', 'plugin-chain-rules.js')).href;

/** Commands that open a store, or read a snapshot of one, and whether they have to know its rules. */
const ROWS: readonly (readonly [
  command: string,
  needsRules: boolean,
  args: (paths: Paths) => readonly string[],
])[] = [
  ['status', false, ({ data }) => ['status', '--data', data]],
  ['export', false, ({ data, dir }) => ['export', '--data', data, join(dir, 'out.ndjson')]],
  ['get', false, ({ data }) => ['get', '8', '--data', data]],
  ['evidence', false, ({ data }) => ['evidence', '--data', data]],
  ['doctor', false, ({ data }) => ['doctor', '--data', data]],
  ['backup', false, ({ data, dir }) => ['backup', '--data', data, join(dir, 'backup')]],
  ['snapshot create', false, ({ data, key }) => ['snapshot', 'create', '--data', data, '--key', key]],
  ['verify', true, ({ data }) => ['verify', '--data', data]],
  ['upgrade', true, ({ data }) => ['upgrade', '--data', data]],
  ['publish', true, ({ data, dir }) => ['publish', '--data', data, '--out', join(dir, 'public')]],
  ['migrate', true, ({ data, dir }) => ['migrate', '--from', data, '--to', join(dir, 'copy')]],
  [
    'snapshot verify',
    true,
    ({ snapshot, signer }) => ['snapshot', 'verify', snapshot(), '--trust', signer()],
  ],
  ['prune', false, ({ data }) => ['prune', '--data', data, '--keep', '100']],
];

/** Elsewhere: they need a server or an input (rules-module.test.ts), or have no store. */
const OTHERS = ['import', 'serve', 'sync', 'create', 'seal', 'keygen', 'demo', 'conformance'];

interface Paths {
  readonly dir: string;
  readonly data: string;
  readonly key: string;
  readonly snapshot: () => string;
  readonly signer: () => string;
}

test.serial(
  "each command that needs rules takes a module with one's own, and the others need none",
  async (t) => {
    const dir = tempDir(t);
    const rules = join(dir, 'rules.mjs');
    const data = join(dir, 'a');
    const key = join(dir, 'key');
    writeFileSync(rules, `import { consortium } from '${EXAMPLE}';\nexport default consortium(['ada']);\n`);
    const chain = await openChain({
      storage: { use: 'leveldb', location: data },
      chain: consortium(['ada']),
    });
    await chain.append(documents);
    await chain.close();
    const { stdout } = await run(['keygen', '--out', key, '--json']);
    const signer = /"(0[23][0-9a-f]{64})"/.exec(String(stdout))?.[1] ?? '';
    const snapshot = (): string => {
      const folder = join(data, 'snapshots');
      return join(
        folder,
        readdirSync(folder).find((name) => existsSync(join(folder, name, 'manifest.json'))) ?? '',
      );
    };
    const table: string[] = [];
    for (const [command, needsRules, argsOf] of ROWS) {
      const args = argsOf({ dir, data, key, snapshot, signer: () => signer });
      const without = await run(args);
      const named = needsRules ? await run([...args, '--chain', rules]) : null;
      table.push(`${command}: ${without.code}${named === null ? '' : `, with --chain ${named.code}`}`);
      t.is(without.code, needsRules ? 1 : 0, `${command}: ${without.stderr}`);
      if (needsRules) t.regex(without.stderr, /PLUGIN_UNKNOWN.*consortium/s, command);
      if (named !== null) t.is(named.code, 0, `${command}: ${named.stderr}`);
    }
    t.log(table.join('; '));
  },
);

test('the table has each command that has a store', (t) => {
  const named = new Set([...ROWS.map(([command]) => command.split(' ')[0]), ...OTHERS]);
  t.deepEqual(
    Object.keys(COMMANDS).filter((name) => !named.has(name)),
    [],
  );
});
