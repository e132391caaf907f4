import type { Signer, SnapshotManifest, SnapshotType } from '../../../src/contracts/index.js';
import { SNAPSHOT_CODECS } from '../../../src/internal/codecs.js';

/** Which snapshot a build makes. */
export interface SnapshotKind {
  readonly type: SnapshotType;
  /** Codec of the parts. */
  readonly codec: string;
}

/** How a build gets on. */
export interface SnapshotBuildProgress extends SnapshotKind {
  /** Height of the snapshot's last block. */
  readonly height: number;
  /** Blocks that were written, and all that there are to write. */
  readonly blocks: number;
  readonly totalBlocks: number;
  /** Bytes of the document that were written, and the encoded bytes that they came to. */
  readonly rawBytes: number;
  readonly bytes: number;
}

/** What a server's snapshots do. */
export type SnapshotEvent =
  | (SnapshotKind & { readonly kind: 'started' })
  | (SnapshotBuildProgress & { readonly kind: 'progress' })
  | { readonly kind: 'finished'; readonly manifest: SnapshotManifest; readonly elapsedMs: number }
  | (SnapshotKind & { readonly kind: 'failed'; readonly error: unknown })
  | { readonly kind: 'removed'; readonly id: string }
  /** Something in the directory can't be used, or not be removed; it is left as it is. */
  | { readonly kind: 'unusable'; readonly path: string; readonly error: unknown };

/** Options of `snapshotEndpoint`. */
export interface SnapshotServerOptions {
  /** Signs the snapshots that are made here. */
  readonly signer: Signer;
  /** Where the snapshots are kept; made when it is missing. */
  readonly directory: string;
  /** Types that are served. Default both. */
  readonly types?: readonly SnapshotType[];
  /**
   * Codecs that are served, as far as they are registered; the first one is for requests that name none.
   * Default: all built-in ones that snapshots are made in, bzip2 first.
   */
  readonly codecs?: readonly string[];
  /** Blocks in a snapshot of type `recent`. Default 10,000. */
  readonly recentBlocks?: number;
  /** A snapshot of each type is made again after so many blocks; `null` makes one at its first request only. Default `null`. */
  readonly every?: number | null;
  /**
   * A snapshot that was made longer ago than this is made anew when it is asked for and the chain has gone on; the old one
   * is served meanwhile. In milliseconds; `null` never does. Default one day.
   */
  readonly refreshAfterMs?: number | null;
  /** Generations of each type and codec that are kept, at least 2. Default 2. */
  readonly keep?: number;
  /** Bytes of the document in one part, 1,000 to 900,000. Default 899,981, which is one block of libbz2. */
  readonly maxPartBytes?: number;
  /** Hears of builds. Must not throw. Default nothing. */
  readonly onEvent?: (event: SnapshotEvent) => void;
}

/** Options with nothing left out. */
export type SnapshotSettings = Required<SnapshotServerOptions>;

/** Bytes that fill exactly one block of bzip2 at level 9: libbz2 keeps 19 of its 900,000 bytes for itself. */
export const DEFAULT_PART_BYTES = 899_981;
export const DEFAULT_RECENT_BLOCKS = 10_000;
export const DEFAULT_KEEP = 2;
const DEFAULT_REFRESH_AFTER_MS = 24 * 60 * 60_000;

const TYPES: readonly SnapshotType[] = ['recent', 'full'];
const MIN_PART_BYTES = 1_000;
const MAX_PART_BYTES = 900_000;

/** @throws TypeError for invalid options */
export function snapshotSettings(options: SnapshotServerOptions): SnapshotSettings {
  const settings: SnapshotSettings = {
    types: TYPES,
    codecs: SNAPSHOT_CODECS,
    recentBlocks: DEFAULT_RECENT_BLOCKS,
    every: null,
    refreshAfterMs: DEFAULT_REFRESH_AFTER_MS,
    keep: DEFAULT_KEEP,
    maxPartBytes: DEFAULT_PART_BYTES,
    onEvent: () => undefined,
    ...definedOnly(options),
  };
  const { types, every, refreshAfterMs } = settings;
  if (settings.directory === '') throw new TypeError('`directory` must not be empty.');
  if (types.length === 0 || !types.every((type) => TYPES.includes(type)))
    throw new TypeError('`types` must be a list of `recent` and `full`.');
  if (settings.codecs.length === 0) throw new TypeError('`codecs` must not be empty.');
  checkInteger('recentBlocks', settings.recentBlocks, 1);
  checkInteger('keep', settings.keep, 2);
  if (every !== null) checkInteger('every', every, 1);
  if (refreshAfterMs !== null) checkInteger('refreshAfterMs', refreshAfterMs, 0);
  checkPartBytes(settings.maxPartBytes);
  return settings;
}

/** @throws TypeError */
export function checkPartBytes(maxPartBytes: number): void {
  checkInteger('maxPartBytes', maxPartBytes, MIN_PART_BYTES, MAX_PART_BYTES);
}

/** @throws TypeError */
export function checkInteger(name: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new TypeError(`\`${name}\` must be an integer from ${min} to ${max}, not ${String(value)}.`);
}

function definedOnly<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => (value as unknown) !== undefined),
  ) as T;
}
