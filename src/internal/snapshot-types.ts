import type { SnapshotType } from '../contracts/index.js';
import { oneOf, type Reader, withDefault } from './options/index.js';

const TYPES: readonly SnapshotType[] = Object.freeze(['recent', 'full'] as const);

/** The type that is meant where none is named, on the wire as well. */
export const DEFAULT_SNAPSHOT_TYPE: SnapshotType = 'recent';

/** Reads a type of snapshots. */
export const SNAPSHOT_TYPE: Reader<SnapshotType> = oneOf(TYPES);

/** Reads the type of the snapshots that are wanted. */
export const WANTED_SNAPSHOT_TYPE: Reader<SnapshotType> = withDefault(SNAPSHOT_TYPE, DEFAULT_SNAPSHOT_TYPE);

/** Whether what a peer or a file says is a type of snapshots. */
export function isSnapshotType(value: unknown): value is SnapshotType {
  return TYPES.some((type) => type === value);
}
