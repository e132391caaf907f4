import { median } from './page.js';
import type { StreamResult, WayRun, WayRuns } from './stream.js';
import type { Chart } from './svg.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, milliseconds, NONE, percent, seconds, times, whole } from './units.js';

/** The figures of one way, as they stand in the tables; `null` for what it has none of. */
interface Figures {
  readonly title: string;
  readonly ours: boolean;
  readonly skipped: string | null;
  readonly blocksPerSecond: number;
  /** Bytes on the wire for each block. */
  readonly wireBytes: number | null;
  readonly clientCpuMs: number;
  readonly serverCpuMs: number | null;
  readonly loopP99Ms: number | null;
  readonly loopMaxMs: number | null;
  readonly clientRssBytes: number;
  readonly serverRssBytes: number | null;
  readonly diskBytes: number | null;
  /** Speed in terms of the plain design's, in the same round. */
  readonly ofPlain: number;
  /** Time in terms of the floor's, in the same round. */
  readonly ofFloor: number;
}

const OURS: ReadonlySet<string> = new Set(['tiles', 'tiles-2', 'stream', 'identity', 'ranges', 'snapshot']);

/** The tables of one workload: how fast each way is, and what it takes of the machines. */
export function streamTables(result: StreamResult): string {
  const all = result.ways.map((each) => figuresOf(each, result));
  const plainWire = all[result.ways.findIndex(({ way }) => way.name === 'plain')]?.wireBytes ?? Number.NaN;
  return `${speedTable(all, result, plainWire)}\n\n${costTable(all)}`;
}

function speedTable(
  all: readonly Figures[],
  { workload, documentBytes }: StreamResult,
  plainWire: number,
): string {
  const heads = ['blocks/s', 'MB/s of documents', 'bytes a block on the wire', 'of plain’s bytes'];
  const columns = [text('way'), ...[...heads, 'speed against plain', 'time against the floor'].map(figures)];
  const row = (each: Figures): readonly string[] => {
    if (each.skipped !== null) return [`${each.title}: ${each.skipped}`];
    const { wireBytes, blocksPerSecond } = each;
    return [
      each.title,
      whole(blocksPerSecond),
      ((blocksPerSecond * documentBytes) / workload.blocks / 1e6).toFixed(1),
      wireBytes === null ? NONE : whole(wireBytes),
      percent(wireBytes === null ? null : wireBytes / plainWire),
      times(each.ofPlain),
      times(each.ofFloor),
    ];
  };
  return markdownTable(columns, all.map(row));
}

function costTable(all: readonly Figures[]): string {
  const columns = [
    text('way'),
    ...['processor client', 'processor server', 'event loop p99', 'event loop max'].map(figures),
    ...['peak RSS client', 'peak RSS server', 'store on disk'].map(figures),
  ];
  const row = (each: Figures): readonly string[] => [
    each.title,
    seconds(each.clientCpuMs),
    seconds(each.serverCpuMs),
    milliseconds(each.loopP99Ms),
    milliseconds(each.loopMaxMs),
    megabytes(each.clientRssBytes),
    megabytes(each.serverRssBytes),
    megabytes(each.diskBytes),
  ];
  return markdownTable(columns, all.filter(({ skipped }) => skipped === null).map(row));
}

/** Bars of the same figures: speed, and bytes on the wire. */
export function streamCharts(result: StreamResult, title: string): readonly Chart[] {
  const all = result.ways.map((each) => figuresOf(each, result)).filter(({ skipped }) => skipped === null);
  const { blocks } = result.workload;
  const bar = (each: Figures, value: number): Chart['bars'][number] => ({
    label: each.title.replaceAll('`', ''),
    value,
    ours: each.ours,
  });
  const wire = all.flatMap((each) =>
    each.wireBytes === null ? [] : bar(each, (each.wireBytes * blocks) / 1e6),
  );
  return [
    { title: `${title}: blocks/s`, unit: '', bars: all.map((each) => bar(each, each.blocksPerSecond)) },
    { title: `${title}: MB on the wire`, unit: 'MB', bars: wire },
  ];
}

function figuresOf({ way, blocks, runs, skipped }: WayRuns, { ways }: StreamResult): Figures {
  const middle = (of: (run: WayRun) => number | null | undefined): number | null => {
    const values = runs.map(of).filter((value) => value !== null && value !== undefined);
    return values.length === 0 ? null : median(values);
  };
  const wireBytes = middle(({ server }) => server?.wireBytes);
  return {
    title: way.title,
    ours: OURS.has(way.name),
    skipped,
    blocksPerSecond: (blocks * 1000) / (middle(({ client }) => client.elapsedMs) ?? Number.NaN),
    wireBytes: wireBytes === null ? null : wireBytes / blocks,
    clientCpuMs: middle(({ client }) => client.cpuMs) ?? Number.NaN,
    serverCpuMs: middle(({ server }) => server?.cpuMs),
    loopP99Ms: middle(({ client }) => client.loop?.p99Ms),
    loopMaxMs: middle(({ client }) => client.loop?.maxMs),
    clientRssBytes: middle(({ client }) => client.maxRssBytes) ?? Number.NaN,
    serverRssBytes: middle(({ server }) => server?.maxRssBytes),
    diskBytes: middle(({ diskBytes }) => diskBytes),
    ofPlain: 1 / timeAgainst('plain', { blocks, runs }, ways),
    ofFloor: timeAgainst('floor', { blocks, runs }, ways),
  };
}

/** The middle of what the rounds say: time for a block in terms of another way's. */
function timeAgainst(
  name: string,
  { blocks, runs }: Pick<WayRuns, 'blocks' | 'runs'>,
  ways: readonly WayRuns[],
): number {
  const other = ways.find(({ way }) => way.name === name);
  const ratios = runs.map(({ client }, round) => {
    const elapsedMs = other?.runs[round]?.client.elapsedMs ?? Number.NaN;
    return client.elapsedMs / blocks / (elapsedMs / (other?.blocks ?? 0));
  });
  return median(ratios);
}
