import type { Checkpoint } from '../contracts/index.js';
import type { EngineTally } from '../engine/engine-tally.js';
import type { SyncEngine } from '../engine/sync-engine.js';
import type { PeerInfo } from '../engine/peers/peer-record.js';
import { Counts } from '../internal/timing.js';
import type { Families } from './families.js';
import type { MetricName } from './table.js';

/** The heights of a chain. A source of a host's may not know all of them. */
export function collectHeights(families: Families, tip: Partial<Checkpoint>): void {
  const kinds = { head: tip.head, confirmed: tip.confirmed, finalized: tip.finalized, assumed: tip.assumed };
  families.add('blockferry_height', tip.base ?? null, { kind: 'base' });
  for (const [kind, ref] of Object.entries(kinds))
    families.add('blockferry_height', ref?.height ?? null, { kind });
}

/** What an engine is doing. */
export function collectState(families: Families, engine: SyncEngine): void {
  const { phase, progress, stale, checkpoint, peer } = engine.state;
  const here = checkpoint?.head?.height ?? null;
  families.add('blockferry_phase', 1, { phase });
  families.add('blockferry_stale', stale ? 1 : 0);
  families.add('blockferry_peer_height', progress.head);
  if (progress.head !== null)
    families.add('blockferry_lag_blocks', Math.max(0, progress.head - (here ?? -1)));
  families.add('blockferry_blocks_per_second', progress.blocksPerSecond);
  const counts = new Counts();
  for (const state of ['active', 'ready', 'waiting', 'dropped']) counts.add(state, 0);
  for (const info of engine.peers) counts.add(stateOf(info, peer));
  collectCounts(families, 'blockferry_peers', 'state', counts);
}

function stateOf({ url, dropped, bannedForMs }: PeerInfo, active: string | null): string {
  if (dropped !== null) return 'dropped';
  if (url === active) return 'active';
  return bannedForMs > 0 ? 'waiting' : 'ready';
}

/** What engines have done. */
export function collectEngine(families: Families, tally: EngineTally): void {
  const { chain } = tally;
  families.add('blockferry_synced_blocks', tally.blocks);
  families.add(
    'blockferry_last_block_time_seconds',
    tally.lastBlockMs === null ? null : tally.lastBlockMs / 1000,
  );
  families.add('blockferry_rollbacks', tally.rollbacks);
  families.add('blockferry_rolled_back_blocks', tally.rolledBackBlocks);
  families.add('blockferry_tiles', tally.tilesFetched, { action: 'fetched' });
  families.add('blockferry_queue_bytes', tally.queueBytes(), { queue: 'commit' });
  families.addTiming('blockferry_decode_seconds', chain.decode);
  families.addTiming('blockferry_verify_seconds', chain.verify);
  families.addTiming('blockferry_tile_verify_seconds', chain.tile);
  families.addTiming('blockferry_commit_seconds', chain.commit);
  collectCounts(families, 'blockferry_reconnects', 'cause', tally.reconnects);
  collectCounts(families, 'blockferry_peer_drops', 'cause', tally.drops);
  collectCounts(families, 'blockferry_snapshot_imports', 'status', tally.snapshots);
  collectBytes(families, 'in', tally.received);
}

/** Counts by one name. */
export function collectCounts(families: Families, metric: MetricName, label: string, counts: Counts): void {
  for (const [name, count] of counts.entries()) families.add(metric, count, { [label]: name });
}

/** Bytes by way and codec: `stream gzip`. */
export function collectBytes(families: Families, direction: 'in' | 'out', counts: Counts): void {
  for (const [name, bytes] of counts.entries()) {
    const [way = '', codec = ''] = name.split(' ');
    families.add('blockferry_network_bytes', bytes, { direction, way, codec });
  }
}
