import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the record of a frame is. */
export interface Place {
  /** Number of the segment, from 1. */
  readonly segment: number;
  /** First byte of the record in its file. */
  readonly offset: number;
  /** Length of the record, with what is in front of the frame. */
  readonly bytes: number;
}

/** How much of a segment counts. */
export interface SegmentUse {
  /** Where the last record that counts ends. */
  readonly end: number;
  /** How many count. */
  readonly records: number;
  /** Bytes of those. */
  readonly bytes: number;
}

/** What counts, by number of the segment; one of which nothing does is missing. */
export type SegmentUses = ReadonlyMap<number, SegmentUse>;

/** Bytes of each segment, by number. */
export type SegmentSizes = ReadonlyMap<number, number>;

/** Name of the directory of the segments of frames in the directory of the contents. */
export const FRAMES = 'frames';

/** Name of the directory of the segments of tiles. */
export const TILES = 'tiles';

const NAME = /^(\d{6,})\.seg$/;

/** Name of a segment's file: `000001.seg`. */
export const segmentName = (segment: number): string => `${String(segment).padStart(6, '0')}.seg`;

/** The segments in a directory; none when it is missing. */
export async function segmentSizes(path: string): Promise<SegmentSizes> {
  const sizes = new Map<number, number>();
  for (const name of await readdir(path).catch(none)) {
    const number = NAME.exec(name)?.[1];
    if (number !== undefined) sizes.set(Number(number), (await stat(join(path, name))).size);
  }
  return sizes;
}

function none(error: unknown): readonly string[] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}

/** Records of a segment together. */
export interface PlaceSum {
  readonly segment: number;
  readonly records: number;
  /** Of all of them. */
  readonly bytes: number;
}

/** Puts records of the same segments together. */
export function sumPlaces(places: readonly Place[]): readonly PlaceSum[] {
  const sums = new Map<number, PlaceSum>();
  for (const { segment, bytes } of places) {
    const sum = sums.get(segment);
    sums.set(segment, { segment, records: (sum?.records ?? 0) + 1, bytes: (sum?.bytes ?? 0) + bytes });
  }
  return [...sums.values()];
}
