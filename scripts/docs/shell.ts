import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../lib/process.js';
import type { CodeBlock, MarkdownFile } from './markdown.js';

const NO_RUN = /^no-run: (\S.*)$/;

/** What came of the shell blocks of the documents. */
export interface ShellResult {
  readonly problems: readonly string[];
  readonly run: number;
  readonly skipped: number;
}

/**
 * Runs the `sh` blocks of each document, in order and in one empty folder a document, where `npx blockferry` is this
 * build. A block that can't be run says so and why on its fence: `sh no-run: reason`.
 */
export async function runShellBlocks(files: readonly MarkdownFile[], root: string): Promise<ShellResult> {
  const problems: string[] = [];
  let count = 0;
  let skipped = 0;
  for (const file of files) {
    const blocks = file.blocks.filter(({ language }) => language === 'sh');
    for (const { info, line } of blocks) {
      if (info !== '' && !NO_RUN.test(info)) problems.push(`${file.path}:${line}: ${info} gives no reason`);
    }
    const runnable = blocks.filter(({ info }) => info === '');
    count += runnable.length;
    skipped += blocks.length - runnable.length;
    const problem = runnable.length === 0 ? null : await runDocument(file.path, runnable, root);
    if (problem !== null) problems.push(problem);
  }
  return { problems, run: count, skipped };
}

async function runDocument(path: string, blocks: readonly CodeBlock[], root: string): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'blockferry-docs-'));
  try {
    installBuild(folder, root);
    const script = blocks.map(({ line, code }) => `echo '--- ${path}:${line}'\n${code}`).join('\n');
    const options = { cwd: folder, timeoutMs: 120_000 };
    const { status, output } = await run('bash', ['-euo', 'pipefail', '-c', script], options);
    return status === 0 ? null : `${path}: a shell block failed (${status ?? 'out of time'}):\n${output}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What `npm install blockferry` would put there, without copying anything. */
function installBuild(folder: string, root: string): void {
  const bin = join(folder, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', 'blockferry'));
  const command = join(bin, 'blockferry');
  const main = join(root, 'dist', 'src', 'cli', 'main.js');
  writeFileSync(
    command,
    `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(main)} "$@"\n`,
  );
  chmodSync(command, 0o755);
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
}
