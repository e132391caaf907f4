import type { LineResult } from './line.js';
import { median } from './page.js';
import type { Chart } from './svg.js';
import type { WayRuns } from './stream.js';
import { figures, markdownTable, text } from './table.js';
import { duration, megabytes, times } from './units.js';
import { titleOf } from './workloads.js';

/** The table of a slow line, with a line below it that says how raw JSON was checked. */
export function lineTable(result: LineResult): string {
  const { workload, mbit, ways, rawBytes } = result;
  const raw = computed(rawBytes, mbit);
  const rows = ways.map(({ way, runs }) => {
    const seconds = secondsOf(runs);
    const wire = median(runs.map(({ server }) => server?.wireBytes ?? Number.NaN));
    const share = times(seconds / computed(wire, mbit));
    return [titleOfRuns(way.title, runs), megabytes(wire), duration(seconds), share, times(raw / seconds)];
  });
  const table = markdownTable(
    [text('way'), ...['on the wire', 'time', 'of the line’s time', 'faster than raw JSON'].map(figures)],
    [['raw JSON (computed)', megabytes(rawBytes), duration(raw), times(1), times(1)], ...rows],
  );
  return `${titleOf(workload)} over ${mbit} Mbit/s.\n\n${table}\n\n${check(result)}`;
}

/** Bars of the same times. */
export function lineChart({ workload, mbit, ways, rawBytes }: LineResult): Chart {
  const raw = { label: 'raw JSON (computed)', value: computed(rawBytes, mbit) / 60, ours: false };
  const bars = ways.map(({ way, runs }) => ({
    label: titleOfRuns(way.title, runs).replaceAll('`', ''),
    value: secondsOf(runs) / 60,
    ours: true,
  }));
  return {
    title: `${titleOf(workload)} over ${mbit} Mbit/s: minutes`,
    unit: 'min',
    bars: [raw, ...bars],
  };
}

function check({ raw, rawPartBytes, mbit }: LineResult): string {
  const [measured, expected] = [secondsOf(raw.runs), computed(rawPartBytes, mbit)];
  return `The line’s time is what it needs for the bytes on the wire alone, at its rate, without the headers of packets, which are 66 of 1,514 bytes (4.4 %). Raw JSON is computed from its bytes; ${raw.blocks} blocks of it took ${duration(measured)}, computed ${duration(expected)}.`;
}

/** Seconds that bytes need on a line that carries nothing else. */
function computed(bytes: number, mbit: number): number {
  return (bytes * 8) / (mbit * 1e6);
}

function secondsOf(runs: WayRuns['runs']): number {
  return median(runs.map(({ client }) => client.elapsedMs)) / 1000;
}

function titleOfRuns(title: string, runs: WayRuns['runs']): string {
  const mode = runs[0]?.client.mode ?? null;
  return title.includes('auto') && mode !== null ? `${title}: ${mode}` : title;
}
