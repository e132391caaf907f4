import { median } from './page.js';
import type { StreamResult, WayRuns } from './stream.js';
import type { Chart } from './svg.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, NONE, percent, times, whole } from './units.js';

/** The figures of one way, as they stand in the table. */
interface Figures {
  readonly title: string;
  readonly ours: boolean;
  readonly skipped: string | null;
  readonly blocksPerSecond: number;
  /** Bytes on the wire for each block; `null` for what has no server. */
  readonly wireBytes: number | null;
  readonly clientRssBytes: number;
  readonly serverRssBytes: number | null;
  /** Speed in terms of the plain design's, in the same round. */
  readonly ofPlain: number;
  /** Time in terms of the floor's, in the same round. */
  readonly ofFloor: number;
}

const OURS: ReadonlySet<string> = new Set(['stream', 'identity', 'ranges', 'snapshot']);

/** The table of one workload. */
export function streamTable(result: StreamResult): string {
  const all = result.ways.map((each) => figuresOf(each, result));
  const plainWire = all[result.ways.findIndex(({ way }) => way.name === 'plain')]?.wireBytes ?? Number.NaN;
  const documentBytes = result.documentBytes / result.workload.blocks;
  const columns = [
    text('way'),
    ...['blocks/s', 'MB/s of documents', 'bytes a block on the wire', 'of plain’s bytes'].map(figures),
    ...['peak RSS client', 'peak RSS server', 'speed against plain', 'time against the floor'].map(figures),
  ];
  const row = (each: Figures): readonly string[] => {
    if (each.skipped !== null) return [`${each.title}: ${each.skipped}`];
    const { wireBytes, blocksPerSecond } = each;
    return [
      each.title,
      whole(blocksPerSecond),
      ((blocksPerSecond * documentBytes) / 1e6).toFixed(1),
      wireBytes === null ? NONE : whole(wireBytes),
      percent(wireBytes === null ? null : wireBytes / plainWire),
      megabytes(each.clientRssBytes),
      megabytes(each.serverRssBytes),
      times(each.ofPlain),
      times(each.ofFloor),
    ];
  };
  return markdownTable(columns, all.map(row));
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
  const middle = (of: (run: WayRuns['runs'][number]) => number | null): number =>
    median(runs.map(of).filter((value) => value !== null));
  const noServer = way.server === null;
  return {
    title: way.title,
    ours: OURS.has(way.name),
    skipped,
    blocksPerSecond: (blocks * 1000) / middle(({ client }) => client.elapsedMs),
    wireBytes: noServer ? null : middle(({ server }) => (server?.wireBytes ?? 0) / blocks),
    clientRssBytes: middle(({ client }) => client.maxRssBytes),
    serverRssBytes: noServer ? null : middle(({ server }) => server?.maxRssBytes ?? null),
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
