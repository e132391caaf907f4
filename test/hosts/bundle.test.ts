import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { build } from 'esbuild';
import { run } from '../../scripts/lib/process.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { wrongIn } from './app-result.js';

test('a bundle in CommonJS serves and syncs in every way, on the main thread, and says so once', async (t) => {
  const folder = tempDir(t);
  await build({
    entryPoints: [join(projectRoot, 'dist', 'test', 'hosts', 'app.js')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['classic-level'],
    outfile: join(folder, 'app.cjs'),
    logLevel: 'error',
  });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(
    join(projectRoot, 'node_modules', 'classic-level'),
    join(folder, 'node_modules', 'classic-level'),
  );
  const { output } = await run(process.execPath, [join(folder, 'app.cjs')], { cwd: folder });
  t.is(wrongIn(output, { threads: false }), null);
});

function sources(folder: string): { readonly path: string; readonly text: string }[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(projectRoot, folder, path), 'utf8') }));
}

test('what is imported reads no `import.meta`, and waits for nothing while it loads', (t) => {
  const all = [...sources('src').filter(({ path }) => !path.startsWith('cli/')), ...sources('plugins')];
  for (const { path, text } of all) {
    t.false(text.replace(/^ *(?:\/\/|\/?\*).*$/gm, '').includes('import.meta'), path);
    t.notRegex(text, /^(?:(?:export )?const [^=]+= )?await /m, path);
  }
});

test('`blockferry/worker` has every module that a thread is told to load', (t) => {
  const all = [...sources('src'), ...sources('plugins')].filter(
    ({ path }) => path !== 'di/bundled-worker.ts',
  );
  const text = all.map((each) => each.text).join('\n');
  const named = [...text.matchAll(/'((?:src|plugins)\/[\w/-]+(?:worker|thread|thread-entry)\.js)'/g)];
  const known = readFileSync(join(projectRoot, 'src', 'di', 'bundled-worker.ts'), 'utf8');
  const paths = new Set(named.map(([, path = '']) => path));
  t.true(paths.size >= 14);
  for (const path of paths) t.true(known.includes(`'${path}': () =>`), path);
});

test('the version that the code has is the one of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const { VERSION } = await import('../../src/internal/version.js');
  t.is(VERSION, version);
});
