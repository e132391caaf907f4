/** What is known of a metric without a value. */
export interface MetricInfo {
  readonly type: 'counter' | 'gauge' | 'summary' | 'info';
  /** The unit that the name ends with; `null` for none. */
  readonly unit: 'blocks' | 'bytes' | 'seconds' | null;
  readonly help: string;
}

const metric = (type: MetricInfo['type'], unit: MetricInfo['unit'], help: string): MetricInfo =>
  Object.freeze({ type, unit, help });

/** Every metric by its name, which is that of its family in OpenMetrics: samples of counters have `_total` behind it. */
export const METRICS = Object.freeze({
  blockferry_build: metric('info', null, 'The version of the package.'),
  // The chain here
  blockferry_height: metric(
    'gauge',
    null,
    'Heights of this node, by kind: base, head, confirmed, finalized and assumed; those that there are.',
  ),
  blockferry_store_bytes: metric('gauge', 'bytes', 'Bytes of the files in the directory of the store.'),
  blockferry_last_block_time_seconds: metric(
    'gauge',
    'seconds',
    'Time since 1970 at which the head of the engine moved last.',
  ),
  // How the sync gets on
  blockferry_peer_height: metric('gauge', null, 'Height of the head that the peers claim.'),
  blockferry_lag_blocks: metric(
    'gauge',
    'blocks',
    'Blocks that are missing up to the head that the peers claim.',
  ),
  blockferry_phase: metric('gauge', null, '1 for the phase that the engine is in.'),
  blockferry_stale: metric('gauge', null, '1 while the newest block is older than the host allows.'),
  blockferry_synced_blocks: metric('counter', 'blocks', 'Blocks that the engine has made durable.'),
  blockferry_blocks_per_second: metric('gauge', null, 'Rate of blocks made durable, as the engine shows it.'),
  blockferry_network_bytes: metric(
    'counter',
    'bytes',
    'Encoded bytes of blocks, by direction, way and codec.',
  ),
  blockferry_peers: metric(
    'gauge',
    null,
    'Peers of the engine, by state: active, ready, waiting and dropped.',
  ),
  blockferry_reconnects: metric('counter', null, 'Connections that were lost, by the code of the cause.'),
  blockferry_peer_drops: metric('counter', null, 'Peers that were given up, by the code of the cause.'),
  blockferry_rollbacks: metric('counter', null, 'Rollbacks of blocks that were told of.'),
  blockferry_rolled_back_blocks: metric('counter', 'blocks', 'Blocks that were told of and rolled back.'),
  blockferry_snapshot_imports: metric('counter', null, 'Snapshots, by status: begun and imported.'),
  // Where the time goes
  blockferry_decode_seconds: metric('summary', 'seconds', 'Time to decode a block; every 16th is measured.'),
  blockferry_verify_seconds: metric(
    'summary',
    'seconds',
    'Time to verify a decoded block; every 16th is measured.',
  ),
  blockferry_tile_verify_seconds: metric('summary', 'seconds', 'Time until a fetched tile was verified.'),
  blockferry_commit_seconds: metric('summary', 'seconds', 'Time until a batch of blocks was durable.'),
  blockferry_queue_bytes: metric(
    'gauge',
    'bytes',
    'Bytes that wait, by queue: commit for the disk, send for clients.',
  ),
  blockferry_tiles: metric('counter', null, 'Tiles, by action: made here, served and fetched.'),
  // The server
  blockferry_streams: metric('gauge', null, 'Streams that are open.'),
  blockferry_streams_evicted: metric('counter', null, 'Clients that were cut off since they took nothing.'),
  blockferry_answers: metric('counter', null, 'Answers that were begun, by way and status.'),
  blockferry_refusals: metric('counter', null, 'Requests that were answered with an error, by its code.'),
  blockferry_snapshot_builds: metric('counter', null, 'Builds of snapshots, by outcome.'),
} satisfies Readonly<Record<string, MetricInfo>>);

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;
