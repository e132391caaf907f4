import type { AbortOptions, Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { encodeTileBody, isTileCodec } from '../../src/tiles/body.js';
import type { TileCut } from '../../src/tiles/cut.js';
import { framesOf } from './frame-reads.js';
import type { BlockInfo } from './records.js';
import { decodeRun, encodeRun, type Run } from './runs.js';
import { type Place, type PlaceSum, sumPlaces } from './segment-files.js';
import { SegmentReader } from './segment-reader.js';
import { TileCache } from '../../src/tiles/tile-cache.js';
import { type LaidTile, layTile } from './tile-encode.js';
import type { BlockHead } from '../../src/tiles/heads.js';
import { framesInTile, headsInTile } from './tile-reads.js';
import type { TileGroup } from './tile-record.js';

/** A record of a run as it is stored; its checksum was right. */
export interface StoredRun {
  /** Height of the first block. */
  readonly first: number;
  readonly body: Uint8Array;
}

/** Blocks that are to become a tile: what a thread needs to know. */
export interface TileJob {
  readonly cut: TileCut;
  /** The runs that have the blocks, and no others. */
  readonly runs: readonly StoredRun[];
  readonly isDigested: boolean;
  /** Directory of the frames. */
  readonly frames: string;
  /** Directory of the tiles. */
  readonly tiles: string;
}

/** A tile that is made and not written yet, and what it takes the place of. */
export interface MadeTile {
  readonly previousHash: string;
  readonly hash: string;
  readonly digest: string | null;
  readonly groups: readonly TileGroup[];
  /** Heads and body. */
  readonly bytes: Uint8Array;
  /** What lies beside it in the runs. */
  readonly rest: readonly StoredRun[];
  /** Frames and tiles that no longer count. */
  readonly freed: { readonly frames: readonly PlaceSum[]; readonly tiles: readonly PlaceSum[] };
}

/** What is found in runs. */
interface Found {
  readonly frames: readonly Frame[];
  readonly heads: readonly BlockHead[];
}

/**
 * Makes a tile: reads the blocks, checks them against their checksums, and encodes them. `null` when one is in a codec
 * that can't be decoded here.
 *
 * @throws SyncError `STORE_DAMAGED`, `CODEC_CORRUPT`, and what reading files does
 */
export async function makeTile(job: TileJob): Promise<MadeTile | null> {
  const { cut, isDigested } = job;
  const runs = job.runs.map(({ first, body }) => decodeRun(Buffer.from(body), first));
  const inside = runs.map((run) => within(run, cut));
  if (!inside.every((run) => run.kind === 'tile' || run.blocks.every(({ codec }) => isTileCodec(codec))))
    return null;
  const { frames, heads } = await readRuns(job, inside);
  checkWhole(cut, heads);
  const body = await encodeTileBody(frames, { isDigested });
  const laid = layTile(body.members, body.parts, heads);
  return {
    previousHash: heads[0]?.header.previousHash ?? '',
    hash: heads.at(-1)?.header.hash ?? '',
    digest: body.digest,
    groups: laid.groups,
    bytes: joined(laid),
    rest: runs.flatMap((run) => restOf(run, cut)),
    freed: freedOf(inside),
  };
}

/** What of a run belongs to a tile. One that is kept as a tile lies within another as a whole. */
function within(run: Run, { from, to }: TileCut): Run {
  if (run.kind === 'tile') return run;
  return { ...run, blocks: run.blocks.filter(({ header: { height } }) => height >= from && height <= to) };
}

function restOf(run: Run, { from, to }: TileCut): readonly StoredRun[] {
  if (run.kind === 'tile') return [];
  const parts = [
    run.blocks.filter(({ header }) => header.height < from),
    run.blocks.filter(({ header }) => header.height > to),
  ];
  return parts.flatMap(([first, ...more]) =>
    first === undefined ? [] : [{ first: first.header.height, body: encodeRun([first, ...more]) }],
  );
}

function freedOf(runs: readonly Run[]): MadeTile['freed'] {
  const frames: Place[] = [];
  const tiles: Place[] = [];
  for (const run of runs)
    if (run.kind === 'tile') tiles.push(run.tile.place);
    else frames.push(...run.blocks.map(({ place }) => place));
  return { frames: sumPlaces(frames), tiles: sumPlaces(tiles) };
}

async function readRuns(job: TileJob, runs: readonly Run[]): Promise<Found> {
  const segments = new SegmentReader(job.frames);
  const tiles = new SegmentReader(job.tiles);
  const contents = { tiles, tileCache: new TileCache() };
  const options: AbortOptions = {};
  const frames: Frame[] = [];
  const heads: BlockHead[] = [];
  try {
    for (const run of runs)
      if (run.kind === 'tile') {
        for await (const batch of framesInTile(contents, run.tile, job.cut, options)) frames.push(...batch);
        heads.push(...(await headsInTile(contents, run.tile)));
      } else {
        const blocks: readonly BlockInfo[] = run.blocks;
        for await (const batch of framesOf(segments, blocks, options)) frames.push(...batch);
        heads.push(...blocks);
      }
  } finally {
    await segments.close();
    await tiles.close();
  }
  return { frames, heads };
}

/** Everything in memory of its own, which can be handed to another thread. */
function joined({ parts, bytes }: LaidTile): Uint8Array {
  const memory = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    memory.set(part, at);
    at += part.byteLength;
  }
  return memory;
}

function checkWhole({ from, to, documentBytes }: TileCut, heads: readonly BlockHead[]): void {
  const isInOrder = heads.every(({ header }, at) => header.height === from + at);
  const bytes = heads.reduce((sum, head) => sum + head.documentBytes + 1, 0);
  if (isInOrder && heads.length === to - from + 1 && bytes === documentBytes) return;
  const message = `The blocks ${from} to ${to} of the store are not those that were to become a tile.`;
  throw new SyncError('STORE_DAMAGED', message, { height: from });
}
