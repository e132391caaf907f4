import type { ServerTally } from '../server/server-tally.js';
import { collectBytes, collectCounts } from './collect-engine.js';
import type { Families } from './families.js';

/** What servers do now. */
export interface ServersNow {
  readonly openStreams: number;
  readonly queueBytes: number;
}

/** What servers have done and do. */
export function collectServers(
  families: Families,
  tally: ServerTally,
  { openStreams, queueBytes }: ServersNow,
): void {
  families.add('blockferry_streams', openStreams);
  families.add('blockferry_streams_evicted', tally.evicted);
  families.add('blockferry_tiles', tally.tilesServed, { action: 'served' });
  families.add('blockferry_queue_bytes', queueBytes, { queue: 'send' });
  for (const [name, count] of tally.answers.entries()) {
    const [way = '', status = ''] = name.split(' ');
    families.add('blockferry_answers', count, { way, status });
  }
  collectCounts(families, 'blockferry_refusals', 'code', tally.refusals);
  collectCounts(families, 'blockferry_snapshot_builds', 'outcome', tally.builds);
  collectBytes(families, 'out', tally.sent());
}
