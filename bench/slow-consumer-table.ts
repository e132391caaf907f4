import type { SlowConsumerRun } from './slow-consumer.js';
import { figures, markdownTable, text } from './table.js';
import { megabytes, whole } from './units.js';

/** The table of the runs with a slow consumer. */
export function slowConsumerTable(runs: readonly SlowConsumerRun[]): string {
  const columns = [
    text('way'),
    text('V8'),
    ...['blocks', 'time', 'peak RSS client', 'highest sample', 'anonymous', 'files'].map(figures),
    ...['heap', 'heap in use', 'external', 'peak RSS server'].map(figures),
  ];
  const row = ({
    way,
    heap,
    blocks,
    elapsedMs,
    maxRssBytes,
    peak,
    serverRssBytes,
  }: SlowConsumerRun): string[] => {
    const { rss, anon, file, heapTotal, heapUsed, external } = peak;
    const memory = [maxRssBytes, rss, anon, file, heapTotal, heapUsed, external, serverRssBytes];
    return [way, heap.title, whole(blocks), `${(elapsedMs / 1000).toFixed(0)} s`, ...memory.map(megabytes)];
  };
  return markdownTable(columns, runs.map(row));
}
