import { median } from '../page.js';
import type { WayRun } from '../stream.js';
import { figures, markdownTable, text } from '../table.js';
import { megabytes, milliseconds, NONE, seconds, times, whole } from '../units.js';
import { barOf, kindOf, reaches, titleOfBar } from './bars.js';
import type { Comparison, Pairs } from './compare.js';
import { intervalOf, type Interval } from './statistics.js';

/** One figure of a run. */
interface Figure {
  /** As bars name it. */
  readonly name: string;
  readonly title: string;
  readonly of: (run: WayRun, blocks: number) => number;
  readonly shown: (value: number) => string;
}

const NOTHING = Number.NaN;
const speed: Figure = {
  name: 'speed',
  title: 'blocks/s',
  of: ({ client }, blocks) => (blocks * 1000) / client.elapsedMs,
  shown: whole,
};
const clientCpu: Figure = {
  name: 'client-cpu',
  title: 'processor client',
  of: ({ client }) => client.cpuMs,
  shown: seconds,
};
const disk: Figure = {
  name: 'disk',
  title: 'store on disk',
  of: ({ diskBytes }) => diskBytes ?? NOTHING,
  shown: megabytes,
};
const rss: Figure = {
  name: 'rss',
  title: 'peak RSS client',
  of: ({ client }) => client.maxRssBytes,
  shown: megabytes,
};
const latency = (name: 'p50' | 'p99'): Figure => ({
  name,
  title: name,
  of: ({ client }) => client.latency?.[`${name}Ms`] ?? NOTHING,
  shown: milliseconds,
});

/** Of each contest. */
const FIGURES: Readonly<Record<string, readonly Figure[]>> = {
  sync: [
    speed,
    clientCpu,
    {
      name: 'server-cpu',
      title: 'processor server',
      of: ({ server }) => server?.cpuMs ?? NOTHING,
      shown: seconds,
    },
    {
      name: 'wire',
      title: 'on the wire',
      of: ({ server }) => server?.wireBytes ?? NOTHING,
      shown: megabytes,
    },
    disk,
    {
      name: 'loop',
      title: 'event loop p99',
      of: ({ client }) => client.loop?.p99Ms ?? NOTHING,
      shown: milliseconds,
    },
    {
      name: 'loop-max',
      title: 'event loop max',
      of: ({ client }) => client.loop?.maxMs ?? NOTHING,
      shown: milliseconds,
    },
    rss,
  ],
  run: [speed, clientCpu],
  events: [speed, clientCpu],
  import: [
    { name: 'time', title: 'time until durable', of: ({ client }) => client.elapsedMs, shown: seconds },
    {
      name: 'made',
      title: 'time until its tiles are made',
      of: ({ client }) => client.madeMs ?? NOTHING,
      shown: seconds,
    },
    { ...clientCpu, title: 'processor' },
    disk,
    { ...rss, title: 'peak RSS' },
  ],
  append: [latency('p50'), latency('p99')],
  get: [latency('p50'), latency('p99')],
};

/** The table of a comparison: each figure of both versions, their ratio, and whether its interval reaches the bar. */
export function againstTable(comparison: Comparison): string {
  const columns = [
    text('figure'),
    ...[comparison.version, 'here', 'ratio', '95 % interval', 'bar', 'reached'].map(figures),
  ];
  const rows = comparison.pairs.flatMap((pairs) =>
    (FIGURES[pairs.contest] ?? []).map((figure) => row(comparison, pairs, figure)),
  );
  return markdownTable(columns, rows);
}

function row({ workload, seed }: Comparison, pairs: Pairs, figure: Figure): readonly string[] {
  const { name, title, blocks, runs } = pairs;
  const values = (side: 'before' | 'after'): readonly number[] =>
    runs.map((run) => figure.of(run[side], blocks));
  const [before, after] = [values('before'), values('after')];
  const ratios = after.map((value, round) => value / (before[round] ?? NOTHING));
  const bar = barOf(kindOf(workload.name), `${name} ${figure.name}`);
  const isOfValue = bar?.of === 'value';
  const interval = intervalOf(isOfValue ? after : ratios, seed);
  return [
    `${title}: ${figure.title}`,
    figure.shown(median(before)),
    figure.shown(median(after)),
    times(median(ratios)),
    shown(interval, isOfValue ? figure.shown : times),
    bar === null ? NONE : titleOfBar(bar),
    bar === null ? NONE : reaches(interval, bar) ? 'yes' : 'no',
  ];
}

function shown({ low, high }: Interval, as: (value: number) => string): string {
  return `${as(low)} – ${as(high)}`;
}
