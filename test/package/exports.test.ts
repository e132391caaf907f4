import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { projectRoot } from '../helpers/shared.js';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly sideEffects: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const execute = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Manifest;
const plugins = readdirSync(join(projectRoot, 'plugins')).sort();
const exported = [
  'blockferry',
  'blockferry/browser',
  'blockferry/express',
  'blockferry/http2',
  'blockferry/http2-client',
  'blockferry/metrics',
  'blockferry/opentelemetry',
  'blockferry/rules',
  'blockferry/testing',
  ...plugins.map((name) => `blockferry/plugins/${name}`),
];

test('every plugin folder has an index with something to import', (t) => {
  t.true(plugins.length > 0);
  for (const name of plugins) t.true(existsSync(join(projectRoot, 'plugins', name, 'index.ts')), name);
});

for (const name of exported) {
  test.serial(`importing ${name} adds no global and holds the process up by nothing`, async (t) => {
    // Node's own module of HTTP sets two in versions of its own choice.
    const script = `
      await import('node:http');
      const before = new Set(Reflect.ownKeys(globalThis));
      const members = Object.keys(await import(${JSON.stringify(name)}));
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.has(key)).map(String);
      console.log(JSON.stringify({ members: members.length, added }));`;
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], {
      cwd: projectRoot,
      timeout: 60_000,
    });
    const { members, added } = JSON.parse(stdout) as { members: number; added: string[] };
    t.deepEqual(added, []);
    t.true(members > 0);
  });
}

test('importing blockferry loads no client of HTTP, which only a started engine needs', async (t) => {
  const script = `
    const isLoaded = () => process.moduleLoadList.includes('NativeModule http');
    const steps = [isLoaded()];
    for (const name of ['blockferry', 'node:http']) {
      await import(name);
      steps.push(isLoaded());
    }
    console.log(JSON.stringify(steps));`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
    timeout: 60_000,
  });
  t.deepEqual(JSON.parse(stdout), [false, false, true]);
});

test('a module that is not exported can not be imported', async (t) => {
  for (const name of [
    'blockferry/dist/src/index.js',
    'blockferry/src/chain/chain.js',
    'blockferry/plugins/none',
  ]) {
    const error = await t.throwsAsync<NodeJS.ErrnoException>(import(name));
    t.true(['ERR_PACKAGE_PATH_NOT_EXPORTED', 'ERR_MODULE_NOT_FOUND'].includes(error.code ?? ''), name);
  }
});

test('files that the manifest names are built', (t) => {
  for (const path of [...Object.values(manifest.bin), ...manifest.sideEffects]) {
    t.true(existsSync(join(projectRoot, path)), path);
  }
});

test('the command starts with the line that makes it one', (t) => {
  for (const path of Object.values(manifest.bin)) {
    t.is(readFileSync(join(projectRoot, path), 'utf8').split('\n', 1)[0], '#!/usr/bin/env node');
  }
});

test('what the host has to share with the package is a peer dependency and not a second copy', (t) => {
  for (const name of ['rxjs', 'express']) {
    t.true(name in manifest.peerDependencies, name);
    t.false(name in manifest.dependencies, name);
  }
});
