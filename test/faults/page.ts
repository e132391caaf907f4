import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { replaced } from '../../bench/page.js';
import { projectRoot } from '../helpers/shared.js';
import type { Result } from './runner.js';
import { markdownOf, summaryOf } from './table.js';

/** The page that has the table. */
export const PAGE = join(projectRoot, 'docs', 'faults.md');

/** Puts the table of a whole run into the page. @throws TypeError for a part of it */
export async function writePage(
  results: readonly Result[],
  { isPart }: { readonly isPart: boolean },
): Promise<void> {
  if (isPart) throw new TypeError('Only a whole run is written into the page.');
  const [cpu] = cpus();
  const machine = `${process.version}, ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}): ${summaryOf(results)}.`;
  const page = replaced(readFileSync(PAGE, 'utf8'), 'rows', `${machine}\n\n${markdownOf(results)}`);
  writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}
