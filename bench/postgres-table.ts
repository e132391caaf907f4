import type { Contest, Took } from './contest.js';
import { median } from './page.js';
import type { PostgresResult } from './postgres.js';
import { figures, markdownTable, text } from './table.js';
import { milliseconds, seconds, times } from './units.js';

/** The table of a store in PostgreSQL beside one in LevelDB, with a line below it of what comes to followers. */
export function postgresTable({ contests, arrivals }: PostgresResult): string {
  const heads = ['time', 'LevelDB', 'speed against LevelDB', 'of the rounds', 'bar'];
  const costs = ['processor', 'of the database', 'processor, LevelDB'];
  const table = markdownTable([text(''), ...[...heads, ...costs].map(figures)], contests.map(row));
  const { p50, p99, count } = arrivals;
  const line = `From an append to a follower of a server that reads the store in another process: p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)} of ${count} arrivals.`;
  return `${table}\n\n${line}`;
}

function row({ title, bar, rounds }: Contest): readonly string[] {
  const middle = (of: (took: Took) => number, side: 'postgres' | 'level'): number =>
    median(rounds.map((round) => of(round[side])));
  const ratios = rounds.map(({ postgres, level }) => level.elapsedMs / postgres.elapsedMs);
  return [
    title,
    seconds(middle(({ elapsedMs }) => elapsedMs, 'postgres')),
    seconds(middle(({ elapsedMs }) => elapsedMs, 'level')),
    times(median(ratios)),
    `${times(Math.min(...ratios))}–${times(Math.max(...ratios))}`,
    times(bar),
    seconds(middle(({ cpuMs }) => cpuMs, 'postgres')),
    seconds(middle(({ serverMs }) => serverMs, 'postgres')),
    seconds(middle(({ cpuMs }) => cpuMs, 'level')),
  ];
}
