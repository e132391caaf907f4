import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { run } from '../lib/process.js';

/** What publint finds wrong with a packed package. */
export async function publintProblems(tarball: string): Promise<string[]> {
  const file = readFileSync(tarball);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: bytes }, level: 'warning', strict: true });
  return messages.map(
    (message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
  );
}

/**
 * What `attw` finds wrong with the types of a packed package, also for the resolution of Node 10. That `require` comes to
 * an ES module is no fault: the oldest Node that the package runs on takes it.
 */
export async function typeProblems(
  root: string,
  tarball: string,
  entryPoints: readonly string[],
): Promise<string[]> {
  const tool = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  const args = [
    tool,
    tarball,
    '--profile',
    'strict',
    '--ignore-rules',
    'cjs-resolves-to-esm',
    '--no-definitely-typed',
    '--format',
    'ascii',
    '--no-color',
  ];
  const { status, output } = await run(
    process.execPath,
    [...args, '--no-emoji', '--entrypoints', ...entryPoints],
    { cwd: root },
  );
  return status === 0 ? [] : [`attw:\n${output}`];
}
