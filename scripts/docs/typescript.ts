import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/process.js';
import type { MarkdownFile } from './markdown.js';

const TSCONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noEmit: true,
    incremental: false,
    tsBuildInfoFile: null,
    rootDir: null,
    outDir: null,
    declaration: false,
    stripInternal: false,
    isolatedModules: false,
    moduleDetection: 'force',
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['.'],
};

/**
 * Type-checks every `ts` block as a module of its own against the built package, which it imports by name. Code keeps
 * its line numbers, so that a compiler message names the line of the document.
 */
export async function typeErrors(files: readonly MarkdownFile[], root: string): Promise<string[]> {
  const folder = join(root, 'temp', 'docs');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  for (const file of files) {
    for (const { code, line } of file.blocks.filter(({ language }) => language === 'ts')) {
      const name = `${file.path.replaceAll('/', '.')}.${line}.ts`;
      writeFileSync(join(folder, name), '\n'.repeat(line - 1) + code + '\n');
    }
  }
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, output } = await run(process.execPath, [compiler, '-p', folder], { cwd: root });
  return status === 0 ? [] : output.trim().split('\n');
}
