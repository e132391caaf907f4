import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Finds blocks that name a file (`ts examples/embed.ts`) but differ from it. */
export function differingExamples(files: readonly MarkdownFile[], root: string): string[] {
  const problems: string[] = [];
  for (const file of files) {
    for (const { language, info, line, code } of file.blocks) {
      if (language !== 'ts' || info === '') continue;
      const path = join(root, info);
      const there = existsSync(path) ? readFileSync(path, 'utf8').trimEnd() : null;
      if (there !== code) problems.push(`${file.path}:${line}: the block is not what ${info} contains`);
    }
  }
  return problems;
}
