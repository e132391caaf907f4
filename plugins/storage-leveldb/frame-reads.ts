import type { AbortOptions, Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import type { BlockInfo } from './records.js';
import { segmentName } from './segment-files.js';
import { openRecord } from './segment-record.js';
import type { SegmentReader } from './segment-reader.js';

/** What frames are read from. */
type Source = Pick<SegmentReader, 'read'>;

/**
 * Bytes that are read at once, or one frame. A thousand clients that don't read their answers hold as many reads, and what
 * is decoded beside each: with four times as much a read of small blocks is a tenth faster.
 */
export const READ_BYTES = 64 * 1024;

/** The frame of a block. @throws SyncError `STORE_DAMAGED` naming the height */
export async function readFrame(segments: Source, info: BlockInfo): Promise<Frame> {
  const { segment, offset, bytes } = info.place;
  return openRecord(await readAt(segments, info, segment, offset, bytes), info);
}

/** The frames of blocks in batches: what lies side by side in a segment is read at once. @throws SyncError `STORE_DAMAGED` */
export async function* framesOf(
  segments: Source,
  infos: readonly BlockInfo[],
  options: AbortOptions,
): AsyncGenerator<readonly Frame[]> {
  for (let from = 0; from < infos.length;) {
    throwIfAborted(options.signal);
    const to = endOfRun(infos, from);
    yield await readRun(segments, infos.slice(from, to));
    from = to;
  }
}

/** The first index from which on a run does not go: another file, a gap, or enough bytes. */
function endOfRun(infos: readonly BlockInfo[], from: number): number {
  const start = infos[from]?.place;
  if (start === undefined) return from + 1;
  let end = start.offset + start.bytes;
  let at = from + 1;
  for (; at < infos.length; at++) {
    const place = infos[at]?.place;
    if (place?.segment !== start.segment || place.offset !== end) break;
    if (end + place.bytes - start.offset > READ_BYTES) break;
    end += place.bytes;
  }
  return at;
}

async function readRun(segments: Source, run: readonly BlockInfo[]): Promise<readonly Frame[]> {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { segment, offset } = first.place;
  const bytes = await readAt(segments, first, segment, offset, last.place.offset + last.place.bytes - offset);
  return run.map((info) => {
    const at = info.place.offset - offset;
    return openRecord(bytes.subarray(at, at + info.place.bytes), info);
  });
}

async function readAt(
  segments: Source,
  { header: { height } }: BlockInfo,
  segment: number,
  offset: number,
  length: number,
): Promise<Buffer> {
  try {
    return await segments.read(segment, offset, length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const message = `The file ${segmentName(segment)} of the store, which has block ${height}, is missing.`;
    throw new SyncError('STORE_DAMAGED', message, { height, cause: error });
  }
}
