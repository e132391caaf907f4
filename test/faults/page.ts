import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { replaced } from '../../bench/page.js';
import { projectRoot } from '../helpers/shared.js';
import type { Row } from './row.js';
import type { Result } from './runner.js';
import { headLines, lineOf } from './table.js';

/** The page that has the table. */
export const PAGE = join(projectRoot, 'docs', 'faults.md');

/** Puts the lines of rows that were run whole into the page's table; those of other rows stay. */
export async function writePage(rows: readonly Row[], results: readonly Result[]): Promise<void> {
  const [cpu] = cpus();
  const machine = `${process.version}, ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}).`;
  const before = readFileSync(PAGE, 'utf8');
  const lines = rows.flatMap((row) => {
    const result = results.find((each) => each.row === row);
    return result === undefined ? lineIn(before, row.name) : [lineOf(result)];
  });
  const table = [...headLines(), ...lines].join('\n');
  const page = replaced(before, 'rows', `${machine}\n\n${table}`);
  writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}

/** The line of a row, if the page has one. */
function lineIn(page: string, name: string): readonly string[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`| \`${name}\` `))
    .slice(0, 1);
}
