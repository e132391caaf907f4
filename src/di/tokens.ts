import type {
  CodecRegistry,
  CodecWorkers,
  SnapshotTransport,
  Storage,
  Transport,
} from '../contracts/index.js';
import type { Http1Client } from '../http1-client/index.js';
import type { TileVerifier } from '../workers/tile-verifier.js';
import { token } from './token.js';

/** The seams of an engine. */
export const TOKENS = {
  storage: token<Storage>('storage'),
  codecs: token<CodecRegistry>('codecs'),
  http: token<Http1Client>('http'),
  transports: token<readonly Transport[]>('transports'),
  snapshots: token<SnapshotTransport>('snapshots'),
  workers: token<CodecWorkers>('workers'),
  tiles: token<TileVerifier>('tiles'),
} as const;
