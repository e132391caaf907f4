import type { Row } from './row.js';
import type { Result } from './runner.js';

/** Columns of the page. */
const HEAD = ['what', 'fault', 'has to hold', 'result', 'control'];

/** The lines that a terminal shows for one result. */
export function linesOf({ row, outcome, figures, control, reason, seconds }: Result): string {
  const lines = [
    `${outcome.toUpperCase().padEnd(7)} ${row.name} (${row.group}, ${seconds.toFixed(1)} s): ${row.fault}`,
  ];
  if (outcome !== 'skipped') lines.push(`        bar      ${row.bar}`);
  for (const figure of figures) lines.push(`        figure   ${figure}`);
  if (row.control !== null && control !== null)
    lines.push(`        control  ${row.control.broken}: ${control}`);
  if (reason !== null) lines.push(`        reason   ${reason}`);
  return lines.join('\n');
}

/** One line that counts. */
export function summaryOf(results: readonly Result[]): string {
  const count = (outcome: Result['outcome']): number =>
    results.filter((each) => each.outcome === outcome).length;
  const controls = results.filter(({ control }) => control?.startsWith('caught') === true).length;
  return (
    `${results.length} rows: ${count('held')} held, ${count('missed')} missed, ` +
    `${count('skipped')} skipped; ${controls} of ${results.filter(hasControl).length} controls caught`
  );
}

const hasControl = ({ row }: Result): boolean => row.control !== null;

/** The first two lines of the page's table. */
export function headLines(): readonly string[] {
  return [cells(HEAD), cells(HEAD.map(() => '---'))];
}

/** The line of a result in the page's table. */
export function lineOf({ row, outcome, figures, control, reason }: Result): string {
  const result = outcome === 'held' ? figures.join('; ') : `${outcome}: ${reason ?? ''}`;
  const caught = row.control === null ? '–' : `${row.control.broken}: ${control ?? 'not run'}`;
  return cells([...statedOf(row), result, caught]);
}

/** What the page says of a row whatever its result. */
export function statedOf(row: Row): readonly [name: string, fault: string, bar: string] {
  return [`\`${row.name}\``, row.fault, row.bar];
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
