import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from './shared.js';
import { tempDir } from './temp-dir.js';

/** Runs a test that a WebAssembly module is what its `native/build.sh` makes; skipped where the compiler is missing. */
export function moduleTest(title: string, folder: string, wasm: string): void {
  const clang = spawnSync('clang', ['--version'], { encoding: 'utf8' });
  const linker = spawnSync('wasm-ld', ['--version'], { encoding: 'utf8' });
  const isInstalled = clang.error === undefined && / 14\./.test(clang.stdout) && linker.error === undefined;
  const reason = isInstalled ? '' : ' (skipped: clang and lld 14 are not on this machine)';
  (isInstalled ? test : test.skip)(`${title}${reason}`, (t) => {
    const output = join(tempDir(t), 'wasm.ts');
    const script = join(projectRoot, folder, 'native', 'build.sh');
    const { status, stderr } = spawnSync('sh', [script, output], { encoding: 'utf8' });
    t.is(status, 0, stderr);
    t.true(readFileSync(output, 'utf8').includes(`'${wasm}'`));
  });
}
