export {
  openArchive,
  type SnapshotArchive,
  type SnapshotArchiveOptions,
  type SnapshotFilter,
} from './archive.js';
export {
  buildSnapshot,
  type BuiltSnapshot,
  type DocumentRecord,
  type SnapshotBuildOptions,
  type SnapshotOrder,
} from './build.js';
export { snapshotEndpoint } from './endpoint.js';
export { manifestJson } from './manifest-json.js';
export type { SnapshotBuildProgress, SnapshotEvent, SnapshotKind, SnapshotServerOptions } from './options.js';
export type { ByteRange } from '../../../src/internal/http/byte-range.js';
export type { SnapshotReader } from './reader.js';
export type { ArchivedSnapshot } from './shelved.js';
