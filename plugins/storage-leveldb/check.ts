import type { BlockHeader, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Reader } from './reader.js';
import type { BlockInfo, Meta } from './records.js';
import { type Place, segmentName, type SegmentSizes } from './segment-files.js';

/** Above every height: 2^53−1. */
const TOP = Number.MAX_SAFE_INTEGER;

/** What a store is, and how far each segment of its frames counts. */
export interface Checked {
  readonly meta: Meta;
  readonly used: SegmentSizes;
}

/**
 * Reads what the store is and checks that it is so: every height from base to head, each linked to the one before, its
 * frame within its segment and behind the one before, nothing above the head, nothing missing that was acknowledged,
 * and no rollback lost.
 *
 * @param sizes - of the segments.
 * @param acknowledged - the height noted outside the store; `null` when none was.
 * @throws SyncError `STORE_DAMAGED`
 */
export async function readMeta(
  reader: Reader,
  sizes: SegmentSizes,
  acknowledged: number | null,
  signal?: AbortSignal,
): Promise<Checked> {
  const meta = await reader.meta();
  checkAcknowledged(meta.checkpoint.head, acknowledged);
  const used = await checkHeights(reader, meta, sizes, signal);
  await checkRollbacks(reader, meta, signal);
  return { meta, used };
}

function checkAcknowledged(head: BlockRef | null, acknowledged: number | null): void {
  const height = head === null ? -1 : head.height;
  if (acknowledged === null || height >= acknowledged) return;
  const message = `The store had acknowledged block ${acknowledged}, but ends at ${head === null ? 'nothing' : `block ${height}`}.`;
  throw new SyncError('STORE_DAMAGED', message, { height: height + 1 });
}

async function checkHeights(
  reader: Reader,
  { checkpoint }: Meta,
  sizes: SegmentSizes,
  signal?: AbortSignal,
): Promise<SegmentSizes> {
  const { base } = checkpoint;
  const used = new Map<number, number>();
  let last: BlockInfo | null = null;
  for await (const run of reader.runs({ from: 0, to: TOP }, { signal })) {
    for (const info of run) {
      checkNext(info.header, last?.header ?? null, base);
      checkPlace(info, last, sizes);
      used.set(info.place.segment, info.place.offset + info.place.bytes);
      last = info;
    }
  }
  checkEnd(last?.header ?? null, checkpoint);
  return used;
}

function checkPlace(
  { header: { height }, place }: BlockInfo,
  last: BlockInfo | null,
  sizes: SegmentSizes,
): void {
  const { segment, offset, bytes } = place;
  const name = segmentName(segment);
  const size = sizes.get(segment);
  const fail = (how: string): SyncError =>
    new SyncError('STORE_DAMAGED', `The frame of block ${height} is missing from the store: ${how}.`, {
      height,
    });
  if (size === undefined) throw fail(`there is no file ${name}`);
  if (offset + bytes > size) throw fail(`${name} has ${size} bytes, and it ends at ${offset + bytes}`);
  if (last !== null && !isBehind(place, last.place)) throw fail(`its place in ${name} is taken`);
}

function isBehind(place: Place, last: Place): boolean {
  if (place.segment !== last.segment) return place.segment > last.segment;
  return place.offset >= last.offset + last.bytes;
}

function checkEnd(last: BlockRef | null, { base, head }: Checkpoint): void {
  if (last?.height !== head?.height) {
    const wanted = heightAfter(last, base);
    throw gap(wanted, head?.height ?? wanted);
  }
  if (last !== null && last.hash !== head?.hash) throw broken(last.height);
}

/** A lost rollback shows in no height when the heights were filled again, but the state is then wrong. */
async function checkRollbacks(reader: Reader, { rollbacks }: Meta, signal?: AbortSignal): Promise<void> {
  let last = 0;
  for await (const numbers of reader.rollbacks({ signal })) {
    for (const number of numbers) {
      if (number !== last + 1) throw lostRollback(last + 1);
      last = number;
    }
  }
  if (last !== rollbacks) throw lostRollback(Math.min(last, rollbacks) + 1);
}

function lostRollback(number: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Rollback ${number} of the store is lost, or its note is.`);
}

function checkNext(header: BlockHeader, last: BlockRef | null, base: number): void {
  const wanted = heightAfter(last, base);
  if (header.height !== wanted) throw gap(wanted, header.height);
  if (last !== null && header.previousHash !== last.hash) throw broken(header.height);
}

function heightAfter(last: BlockRef | null, base: number): number {
  return last === null ? base : last.height + 1;
}

function gap(wanted: number, found: number): SyncError {
  const message = `Block ${wanted} is missing from the store, which has or should have block ${found}.`;
  return new SyncError('STORE_DAMAGED', message, { height: wanted });
}

function broken(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} of the store does not fit on the one before it.`, {
    height,
  });
}
