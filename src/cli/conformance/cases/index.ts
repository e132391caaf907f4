import type { ConformanceCase } from '../case.js';
import { FRAME_CASES, JSON_CASES } from './json.js';
import { SNAPSHOT_CASES } from './snapshots.js';
import { STATUS_CASES } from './status.js';
import { STREAM_CASES } from './stream.js';
import { TILE_CASES } from './tiles.js';

/** What the protocol asks of a server, in the order in which it is looked at. */
export const CASES: readonly ConformanceCase[] = [
  ...STATUS_CASES,
  ...JSON_CASES,
  ...FRAME_CASES,
  ...STREAM_CASES,
  ...TILE_CASES,
  ...SNAPSHOT_CASES,
];
