import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MarkdownFile } from './markdown.js';

/** A block that quotes a file of the project: its fence names the file, as in `ts examples/embed.ts`. */
interface Quote {
  readonly line: number;
  readonly lines: number;
  readonly quoted: string;
  readonly file: string;
  /** `null` when there is no such file. */
  readonly actual: string | null;
}

/** Finds quotes that are not what the file contains. */
export function wrongQuotes(files: readonly MarkdownFile[], root: string): string[] {
  return files.flatMap((document) =>
    quotesOf(document, root)
      .filter(({ quoted, actual }) => quoted !== actual)
      .map(({ line, file }) => `${document.path}:${line}: this is not ${file}; run \`npm run docs:quote\``),
  );
}

/** Writes into each quote what its file contains. */
export function updateQuotes(files: readonly MarkdownFile[], root: string): void {
  for (const document of files) {
    const path = join(root, document.path);
    const lines = readFileSync(path, 'utf8').split('\n');
    for (const { line, lines: count, actual } of quotesOf(document, root).reverse()) {
      if (actual !== null) lines.splice(line - 1, count, ...actual.split('\n'));
    }
    writeFileSync(path, lines.join('\n'));
  }
}

function quotesOf({ blocks }: MarkdownFile, root: string): Quote[] {
  return blocks
    .filter(({ language, info }) => language === 'ts' && info !== '')
    .map(({ info: file, line, code, lines }) => {
      const path = join(root, file);
      const actual = existsSync(path) ? readFileSync(path, 'utf8').trimEnd() : null;
      return { line, lines, quoted: code, file, actual };
    });
}
