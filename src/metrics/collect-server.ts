import type { WatchedServer } from '../server/metrics-page.js';
import { collectBytes, collectCounts } from './collect-engine.js';
import type { Families } from './families.js';

/** What a server has done and does. */
export function collectServer(families: Families, { openStreams, tally }: WatchedServer): void {
  families.add('blockferry_streams', openStreams);
  families.add('blockferry_streams_evicted', tally.evicted);
  families.add('blockferry_tiles', tally.tilesServed, { action: 'served' });
  families.add('blockferry_queue_bytes', tally.queueBytes(), { queue: 'send' });
  for (const [name, count] of tally.answers.entries()) {
    const [way = '', status = ''] = name.split(' ');
    families.add('blockferry_answers', count, { way, status });
  }
  collectCounts(families, 'blockferry_refusals', 'code', tally.refusals);
  collectCounts(families, 'blockferry_snapshot_builds', 'outcome', tally.builds);
  collectBytes(families, 'out', tally.sent());
}
