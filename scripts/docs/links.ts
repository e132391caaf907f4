import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { MarkdownFile } from './markdown.js';

/** Finds links to files or headings of the project that are not there. Links to other sites are not followed. */
export function brokenLinks(files: readonly MarkdownFile[], root: string): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const problems: string[] = [];
  for (const file of files) {
    for (const { target, line } of file.links) {
      if (/^[a-z]+:/.test(target)) continue;
      const problem = problemOf(target, file, byPath, root);
      if (problem !== null) problems.push(`${file.path}:${line}: ${problem}`);
    }
  }
  return problems;
}

/** Tests and sources that documents name as code, which are not all where the documents are read. */
const NAMED_FILE = /^(?:bench|examples|plugins|scripts|src|test)\/[\w./-]+\.\w+$/;

/** Finds names of files of the project that are not there. */
export function missingFiles(files: readonly MarkdownFile[], root: string): string[] {
  return files.flatMap(({ path, code }) =>
    code
      .filter(({ target }) => NAMED_FILE.test(target) && !existsSync(join(root, target)))
      .map(({ target, line }) => `${path}:${line}: there is no ${target}`),
  );
}

function problemOf(
  target: string,
  from: MarkdownFile,
  files: ReadonlyMap<string, MarkdownFile>,
  root: string,
): string | null {
  const [path = '', fragment] = target.split('#', 2);
  const to = path === '' ? from.path : posix.join(posix.dirname(from.path), path);
  if (!existsSync(join(root, to))) return `there is no ${to}`;
  if (fragment === undefined) return null;
  const file = files.get(to);
  if (file === undefined) return `${to} has no headings to link to`;
  return file.anchors.has(fragment) ? null : `${to} has no heading #${fragment}`;
}
