import type { CommitBatch, CommitBlock, CommitTile } from '../../src/contracts/index.js';
import type { NextPlan } from '../../src/tiles/plan.js';
import { splitBatch } from '../../src/tiles/whole.js';
import type { Contents } from './database.js';
import type { RestoredBlock } from './dropped.js';
import type { BlockInfo } from './records.js';
import { runsOf } from './runs.js';
import type { Place } from './segment-files.js';
import { placeFrames } from './segment-record.js';
import { type LaidTile, layTile } from './tile-encode.js';
import type { TileRecord } from './tile-record.js';
import { infosOf, type Operation, runOperation, tileOperation } from './writer.js';

/** A tile that is kept as it came. */
interface WholeTile {
  readonly tile: CommitTile;
  readonly laid: LaidTile;
}

/** How the blocks of a batch are kept. */
export interface BatchLayout {
  readonly frames: readonly CommitBlock[];
  readonly tiles: readonly WholeTile[];
}

/** A batch without blocks. */
export const NO_BLOCKS: BatchLayout = { frames: [], tiles: [] };

/** Bytes that are written before the batch that names them, and the operations that do. */
export interface PlacedBatch {
  readonly operations: readonly Operation[];
  readonly hasTiles: boolean;
  /** Resolves when the bytes are durable. */
  write(): Promise<void>;
}

/** Says which blocks of a batch are kept as the tiles that they came in. @throws TypeError as {@link splitBatch} */
export function layBatch(batch: CommitBatch, next: NextPlan): BatchLayout {
  const { frames, tiles } = splitBatch(batch, next);
  return { frames, tiles: tiles.map(({ tile, blocks }) => ({ tile, laid: lay(tile, blocks) })) };
}

function lay({ body }: CommitTile, blocks: readonly CommitBlock[]): LaidTile {
  let at = 0;
  const parts = body.members.map(({ bytes }) => body.bytes.subarray(at, (at += bytes)));
  const heads = blocks.map(({ frame: { header, documentBytes }, changes }) => {
    return { header, documentBytes, changes: changes.length };
  });
  return layTile(body.members, parts, heads);
}

/** Finds places for a batch behind what the files have. @param restored - blocks below it that become frames again */
export function placeBatch(
  { segments, tiles }: Contents,
  restored: readonly RestoredBlock[],
  layout: BatchLayout,
): PlacedBatch {
  const frames = [...restored, ...layout.frames].map(({ frame }) => frame);
  const placed = placeFrames(segments, frames);
  const bodies = tiles.place(layout.tiles.map(({ laid }) => laid.bytes));
  const infos: readonly BlockInfo[] = [
    ...restored.map(({ head, frame }, at) => {
      return { ...head, codec: frame.codec, place: placed.places[at] as Place };
    }),
    ...infosOf(layout.frames, placed.places.slice(restored.length)),
  ];
  const records = layout.tiles.map((whole, at) => recordOf(whole, bodies[at] as Place));
  return {
    operations: [...[...runsOf(infos)].map(runOperation), ...records.map(tileOperation)],
    hasTiles: records.length > 0,
    write: async () => {
      await tiles.append({ places: bodies, parts: layout.tiles.flatMap(({ laid }) => laid.parts) }, true);
      await segments.append(placed, true);
    },
  };
}

/** The record of a tile that came whole. What decided it is noted once that is settled. */
function recordOf({ tile, laid: { groups } }: WholeTile, place: Place): TileRecord {
  const { from, to, previousHash, hash, documentBytes, digest } = tile;
  return { from, to, previousHash, hash, documentBytes, digest, decidedAt: null, place, groups };
}
