import type { Frame } from '../../src/contracts/index.js';
import { framesOf } from './frame-reads.js';
import type { BlockInfo } from './records.js';
import { rangeOf } from './runs.js';
import { placeFrames } from './segment-record.js';
import { type Place, sumPlaces } from './segment-files.js';
import type { StoreHandle } from './store-handle.js';
import type { Opened } from './switch-contents.js';
import { runsOperations } from './writer.js';

/** Bytes of no use in files of frames that are worth a move. */
const UNUSED_BYTES = 1024 * 1024;

/** Most that is moved: it is held in memory, and written once more. */
const MOVED_BYTES = 8 * 1024 * 1024;

/**
 * Moves the frames behind the last tile to a file of their own, if most of those they are in is of no use any more:
 * after an import, its last file has little else than frames that are tiles now. To be called in the turn of a write.
 */
export async function moveTail(
  handle: StoreHandle,
  { contents, reader, plan, format }: Opened,
): Promise<void> {
  if (format !== 'tiles') return;
  const { segments } = contents;
  const { unusedBytes, usedBytes } = segments;
  if (unusedBytes < Math.max(UNUSED_BYTES, usedBytes / 2) || usedBytes > MOVED_BYTES) return;
  const from = plan.framesFrom;
  const runs: number[] = [];
  const blocks: BlockInfo[] = [];
  for await (const run of reader.runs({ from, to: Number.MAX_SAFE_INTEGER }, {})) {
    if (run.kind === 'tile') continue;
    // Blocks that could not become a tile lie between others: then all stays where it is.
    if (rangeOf(run).from < from) return;
    runs.push(rangeOf(run).from);
    blocks.push(...run.blocks);
  }
  if (blocks.length === 0) return;
  const frames: Frame[] = [];
  for await (const batch of framesOf(segments, blocks, {})) frames.push(...batch);
  await segments.leaveFile();
  const placed = placeFrames(segments, frames);
  const moved = blocks.map((info, at): BlockInfo => ({ ...info, place: placed.places[at] as Place }));
  await handle.write(async () => {
    await segments.append(placed, true);
    reader.forget();
    await contents.db.batch(runsOperations(runs, moved), { sync: true });
  });
  reader.forget();
  await segments.free(sumPlaces(blocks.map(({ place }) => place)));
}
