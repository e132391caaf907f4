import { median } from './page.js';
import type { SnapshotResult, SnapshotRound, Timing } from './snapshot.js';
import { figures, markdownTable, text } from './table.js';
import { duration, megabytes, NONE, times } from './units.js';
import { titleOf } from './workloads.js';

type Measured = (round: SnapshotRound) => Timing | null;

/** The table of snapshots, with a line above it that says of what. */
export function snapshotTable({ workload, rawSize, size, rounds }: SnapshotResult): string {
  const row = (title: string, of: Measured, beside: Measured | null): readonly string[] => {
    const timings = rounds.map(of).filter((timing) => timing !== null);
    if (timings.length === 0) return [title, 'not installed'];
    const seconds = median(timings.map(({ elapsedMs }) => elapsedMs)) / 1000;
    const rss = timings.flatMap(({ maxRssBytes }) => maxRssBytes ?? []);
    const sizes = timings.flatMap(({ bytes }) => bytes ?? []);
    return [
      timings.length < rounds.length ? `${title} (once)` : title,
      duration(seconds),
      (rawSize / 1e6 / seconds).toFixed(1),
      beside === null ? NONE : times(ratio(rounds, of, beside)),
      megabytes(sizes.length === 0 ? null : median(sizes)),
      megabytes(rss.length === 0 ? null : median(rss)),
    ];
  };
  const bzip2: Measured = (round) => round.bzip2;
  const bunzip2: Measured = (round) => round.bunzip2;
  const columns = ['time', 'MB/s of the document', 'time against bzip2’s', 'size', 'peak RSS'];
  const table = markdownTable(
    [text(''), ...columns.map(figures)],
    [
      row('snapshot made and signed, from LevelDB', ({ made }) => made, bzip2),
      row('`bzip2 -9` alone', bzip2, bzip2),
      row('`lbzip2 -9` alone', ({ lbzip2 }) => lbzip2, bzip2),
      row('`zstd -3` alone', ({ zstd3 }) => zstd3, bzip2),
      row('`zstd -19` alone', ({ zstd19 }) => zstd19, bzip2),
      row('snapshot fetched, verified and imported into LevelDB', ({ taken }) => taken, bunzip2),
      row('server of that', ({ served }) => served, null),
      row('`bunzip2` alone', bunzip2, bunzip2),
      row('`lbunzip2` alone', ({ lbunzip2 }) => lbunzip2, bunzip2),
      row('`zstd -d` alone', ({ unzstd }) => unzstd, bunzip2),
    ],
  );
  const sizes = `${megabytes(rawSize)} of document, ${megabytes(size)} as a bzip2 snapshot`;
  return `${titleOf(workload)}: ${sizes}.\n\n${table}`;
}

/** The middle of the rounds' ratios; `null` where one of the two was not measured. */
function ratio(rounds: readonly SnapshotRound[], of: Measured, beside: Measured): number | null {
  const ratios = rounds.flatMap((round) => {
    const [one, other] = [of(round), beside(round)];
    return one === null || other === null ? [] : [one.elapsedMs / other.elapsedMs];
  });
  return ratios.length === 0 ? null : median(ratios);
}
