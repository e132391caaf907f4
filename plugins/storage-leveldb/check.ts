import type { BlockHeader, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Reader } from './reader.js';
import type { Contents } from './database.js';
import type { Meta } from './records.js';
import {
  type Place,
  segmentName,
  type SegmentSizes,
  type SegmentUse,
  type SegmentUses,
} from './segment-files.js';
import { TilePlan } from './tile-plan.js';

/** Above every height: 2^53−1. */
const TOP = Number.MAX_SAFE_INTEGER;

/** What is on the disk beside the records. */
interface Sizes {
  readonly frames: SegmentSizes;
  readonly tiles: SegmentSizes;
}

/** What a store is, what counts of its segments, and which tiles could be made of its frames. */
export interface Checked {
  readonly meta: Meta;
  readonly frames: SegmentUses;
  readonly tiles: SegmentUses;
  readonly plan: TilePlan;
}

/**
 * Reads what the store is and checks that it is so: every height from base to head, each linked to the one before, its
 * frame within its segment and behind the one before, nothing above the head, nothing missing that was acknowledged,
 * and no rollback lost.
 *
 * @param acknowledged - the height noted outside the store; `null` when none was.
 * @throws SyncError `STORE_DAMAGED`
 */
export async function readMeta(
  { segments, tiles }: Contents,
  reader: Reader,
  acknowledged: number | null,
  signal?: AbortSignal,
): Promise<Checked> {
  const meta = await reader.meta();
  checkAcknowledged(meta.checkpoint.head, acknowledged);
  const sizes = { frames: await segments.sizes(), tiles: await tiles.sizes() };
  const held = await checkHeights(reader, meta, sizes, signal);
  await checkRollbacks(reader, meta, signal);
  return { meta, ...held };
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
  sizes: Sizes,
  signal?: AbortSignal,
): Promise<Omit<Checked, 'meta'>> {
  const frames = new PlaceCheck('frame', sizes.frames);
  const tiles = new PlaceCheck('tile', sizes.tiles);
  const plan = new TilePlan();
  let last: BlockRef | null = null;
  for await (const run of reader.runs({ from: 0, to: TOP }, { signal })) {
    if (run.kind === 'tile') {
      const { from, to, previousHash, hash, place } = run.tile;
      checkNext({ height: from, previousHash }, last, checkpoint.base);
      tiles.add(from, place);
      plan.add({ kind: 'tile', from, to });
      last = { height: to, hash };
    } else
      for (const { header, documentBytes, place } of run.blocks) {
        checkNext(header, last, checkpoint.base);
        frames.add(header.height, place);
        plan.add({ kind: 'block', height: header.height, documentBytes });
        last = header;
      }
  }
  checkEnd(last, checkpoint);
  return { frames: frames.used, tiles: tiles.used, plan };
}

/** That records lie within their segments, one behind the other. */
class PlaceCheck {
  readonly used = new Map<number, SegmentUse>();
  readonly #kind: string;
  readonly #sizes: SegmentSizes;
  #last: Place | null = null;

  constructor(kind: string, sizes: SegmentSizes) {
    this.#kind = kind;
    this.#sizes = sizes;
  }

  add(height: number, place: Place): void {
    const { segment, offset, bytes } = place;
    const name = segmentName(segment);
    const size = this.#sizes.get(segment);
    const end = offset + bytes;
    if (size === undefined) throw this.#fail(height, `there is no file ${name}`);
    if (end > size) throw this.#fail(height, `${name} has ${size} bytes, and it ends at ${end}`);
    if (this.#last !== null && !isBehind(place, this.#last))
      throw this.#fail(height, `its place in ${name} is taken`);
    this.#last = place;
    const { records, bytes: before } = this.used.get(segment) ?? { records: 0, bytes: 0 };
    this.used.set(segment, { end, records: records + 1, bytes: before + bytes });
  }

  #fail(height: number, how: string): SyncError {
    const message = `The ${this.#kind} of block ${height} is missing from the store: ${how}.`;
    return new SyncError('STORE_DAMAGED', message, { height });
  }
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

function checkNext(
  header: Pick<BlockHeader, 'height' | 'previousHash'>,
  last: BlockRef | null,
  base: number,
): void {
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
