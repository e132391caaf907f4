import type { Signer, SnapshotManifest, SnapshotType } from '../../../src/contracts/index.js';
import {
  distinct,
  duration,
  func,
  integer,
  list,
  nullable,
  optional,
  type Reader,
  type SpecOf,
  text,
  type ValuesOf,
  withDefault,
} from '../../../src/internal/options/index.js';
import { DEFAULT_SNAPSHOT_TYPE, SNAPSHOT_TYPE } from '../../../src/internal/snapshot-types.js';
import { signer } from './signer-option.js';

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
  /**
   * There is no room for one: `maxBytes`, or what the disk has left, leaves fewer bytes than the last one took. Told once
   * until there is room.
   */
  | (SnapshotKind & {
      readonly kind: 'skipped';
      readonly neededBytes: number;
      readonly roomBytes: number;
      readonly boundBy: 'maxBytes' | 'disk';
    })
  | { readonly kind: 'removed'; readonly id: string }
  /** Something in the directory can't be used, or not be removed; it is left as it is. */
  | { readonly kind: 'unusable'; readonly path: string; readonly error: unknown };

/** Options of `snapshotEndpoint`. */
export interface SnapshotServerOptions {
  /** Signs the snapshots that are made here. */
  readonly signer: Signer;
  /** Where the snapshots are kept; made when it is missing. */
  readonly directory: string;
  /**
   * Types that are made, each in each of the `codecs`. A build reads and encodes all its blocks. What else is in the
   * directory (see `blockferry snapshot create`) is served too.
   *
   * @defaultValue `['recent']`
   */
  readonly types?: readonly SnapshotType[];
  /**
   * Codecs that snapshots are made in, as far as they are registered; the first one is for requests that name
   * none. `null` takes one: the first of bzip2 and the other built-in ones that is registered.
   *
   * @defaultValue `null`
   */
  readonly codecs?: readonly string[] | null;
  /**
   * Blocks in a snapshot of type `recent`, at least 1.
   *
   * @defaultValue 10,000
   */
  readonly recentBlocks?: number;
  /**
   * A snapshot of each type and codec is made when there is none, and again after so many blocks, at least 1; `null`
   * makes it again by its age only.
   *
   * @defaultValue 10,000
   */
  readonly every?: number | null;
  /**
   * A snapshot that was made longer ago than this is made again when the chain has gone on; the old one is served
   * meanwhile. In milliseconds; `null` never does.
   *
   * @defaultValue 86,400,000, one day
   */
  readonly refreshAfterMs?: number | null;
  /**
   * Whether the chain is being caught up with: then none is made for its new blocks, and none because there is none, until it
   * is over or `refreshAfterMs` has passed. Asked again at each look, at least once a minute. Must not throw.
   *
   * @defaultValue never
   */
  readonly isCatchingUp?: () => boolean;
  /**
   * Generations of each type and codec that are kept, at least 2.
   *
   * @defaultValue 2
   */
  readonly keep?: number;
  /**
   * Bytes that the bodies of all snapshots in the directory may take. One more generation than `keep` has to fit, since
   * the new one is whole before an old one goes. A build that does not fit is skipped or ended, and told of.
   *
   * @defaultValue 16 GiB
   */
  readonly maxBytes?: number;
  /**
   * Bytes of the document in one part, 1,000 to 900,000.
   *
   * @defaultValue 899,981, which is one block of libbz2
   */
  readonly maxPartBytes?: number;
  /**
   * Hears of builds. Must not throw.
   *
   * @defaultValue nothing
   */
  readonly onEvent?: (event: SnapshotEvent) => void;
}

/** Bytes that fill exactly one block of bzip2 at level 9: libbz2 keeps 19 of its 900,000 bytes for itself. */
export const DEFAULT_PART_BYTES = 899_981;
export const DEFAULT_RECENT_BLOCKS = 10_000;
const DEFAULT_EVERY_BLOCKS = 10_000;
const DEFAULT_MAX_BYTES = 16 * 1024 ** 3;
const DEFAULT_TYPES: readonly SnapshotType[] = Object.freeze([DEFAULT_SNAPSHOT_TYPE]);
const ONE_DAY_MS = 24 * 60 * 60_000;

/** Reads the name of a codec. */
export const CODEC_NAME: Reader<string> = text('the name of a codec');

/** Readers of the options. */
export const SNAPSHOT_OPTIONS = {
  signer: signer(),
  directory: text('the path of a directory'),
  types: withDefault(distinct(list(SNAPSHOT_TYPE, { min: 1 })), DEFAULT_TYPES),
  codecs: optional(distinct(list(CODEC_NAME, { min: 1 }))),
  recentBlocks: withDefault(integer({ min: 1 }), DEFAULT_RECENT_BLOCKS),
  every: withDefault(nullable(integer({ min: 1 })), DEFAULT_EVERY_BLOCKS),
  // No timer waits for it.
  refreshAfterMs: withDefault(nullable(duration({ min: 0, max: Number.MAX_SAFE_INTEGER })), ONE_DAY_MS),
  isCatchingUp: withDefault(func<() => boolean>(), () => false),
  keep: withDefault(integer({ min: 2 }), 2),
  maxBytes: withDefault(integer({ what: 'a number of bytes', min: 1 }), DEFAULT_MAX_BYTES),
  maxPartBytes: withDefault(
    integer({ what: 'a number of bytes', min: 1_000, max: 900_000 }),
    DEFAULT_PART_BYTES,
  ),
  onEvent: withDefault(func<(event: SnapshotEvent) => void>(), () => undefined),
} satisfies SpecOf<SnapshotServerOptions>;

/** Options, checked and with nothing left out. */
export type SnapshotSettings = ValuesOf<typeof SNAPSHOT_OPTIONS>;
