import type { BlockRange } from '../../src/contracts/index.js';
import { type BlockInfo, decodeJson, encodeJson } from './records.js';
import { fromStoredTile, type StoredTile, type TileRecord, toStoredTile } from './tile-record.js';

/** Most blocks of one run, so that reading one of them stays cheap. */
const MAX_RUN_BLOCKS = 256;

type InfoTuple = readonly [
  hash: string,
  timestamp: number | null,
  codec: string,
  size: number,
  changes: number,
  segment: number,
  offset: number,
  bytes: number,
];

/** The parent of the first block, and the blocks: each is the parent of the next. */
type RunTuple = readonly [previousHash: string, ...blocks: readonly InfoTuple[]];

/**
 * Cuts blocks into runs of heights that follow each other, of which each gets one record: a record for each block costs
 * more time than all else in a commit.
 */
export function* runsOf(infos: readonly BlockInfo[]): Generator<readonly BlockInfo[], void, undefined> {
  let from = 0;
  for (let at = 1; at <= infos.length; at++) {
    const next = (infos[at - 1]?.header.height ?? 0) + 1;
    if (at - from < MAX_RUN_BLOCKS && infos[at]?.header.height === next) continue;
    yield infos.slice(from, at);
    from = at;
  }
}

/** Blocks that are kept as frames. */
export interface FrameRun {
  readonly kind: 'frames';
  /** At least one. */
  readonly blocks: readonly BlockInfo[];
}

/** Blocks that are kept as a tile. */
export interface TileRun {
  readonly kind: 'tile';
  readonly tile: TileRecord;
}

/** Blocks that have one record. */
export type Run = FrameRun | TileRun;

/** The heights of a run. */
export function rangeOf(run: Run): BlockRange {
  if (run.kind === 'tile') return { from: run.tile.from, to: run.tile.to };
  const from = run.blocks[0]?.header.height ?? 0;
  return { from, to: from + run.blocks.length - 1 };
}

/** The record of blocks that are kept as frames; the height of the first is in the key. */
export function encodeRun(run: readonly BlockInfo[]): Buffer {
  const blocks = run.map(({ header, codec, documentBytes, changes, place }): InfoTuple => {
    const { segment, offset, bytes } = place;
    return [header.hash, header.timestamp, codec, documentBytes, changes, segment, offset, bytes];
  });
  return encodeJson([run[0]?.header.previousHash ?? '', ...blocks] satisfies RunTuple);
}

/** The record of a tile. */
export const encodeTileRun = (tile: TileRecord): Buffer => encodeJson(toStoredTile(tile));

const OBJECT_BEGINS = 0x7b;

/** Whether the record of a run is that of a tile. */
export const isTileRun = (body: Uint8Array): boolean => body[0] === OBJECT_BEGINS;

/** Reads the record of a run: that of a tile is an object, that of frames an array. */
export function decodeRun(body: Buffer, first: number): Run {
  const stored = decodeJson(body) as RunTuple | StoredTile;
  if ('groups' in stored) return { kind: 'tile', tile: fromStoredTile(stored, first) };
  const [parent, ...blocks] = stored;
  let previousHash = parent;
  const infos = blocks.map(
    ([hash, timestamp, codec, documentBytes, changes, segment, offset, bytes], index): BlockInfo => {
      const header = { height: first + index, hash, previousHash, timestamp };
      previousHash = hash;
      return { header, codec, documentBytes, changes, place: { segment, offset, bytes } };
    },
  );
  return { kind: 'frames', blocks: infos };
}
