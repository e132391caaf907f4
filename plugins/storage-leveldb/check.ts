import type { BlockHeader, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Reader } from './reader.js';
import type { Contents } from './database.js';
import type { Meta } from './records.js';
import { type Place, segmentName, type SegmentSizes, type SegmentUses } from './segment-files.js';
import { type CutInput, TilePlan } from '../../src/tiles/plan.js';
import { headsInTile } from './tile-reads.js';
import type { TileRecord } from './tile-record.js';

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
  contents: Contents,
  reader: Reader,
  acknowledged: number | null,
  signal?: AbortSignal,
): Promise<Checked> {
  const meta = await reader.meta();
  checkAcknowledged(meta.checkpoint.head, acknowledged);
  const sizes = { frames: await contents.segments.sizes(), tiles: await contents.tiles.sizes() };
  const held = await checkHeights(contents, reader, meta, sizes, signal);
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
  contents: Contents,
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
      for (const input of await inputsOf(contents, run.tile)) plan.add(input);
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
  return { frames: frames.used(), tiles: tiles.used(), plan };
}

/** What the cut has to know of a tile: nothing but that it is cut, once that is settled. */
async function inputsOf(contents: Contents, tile: TileRecord): Promise<readonly CutInput[]> {
  const { from, to, decidedAt } = tile;
  if (decidedAt !== null) return [{ kind: 'tile', from, to }];
  const heads = await headsInTile(contents, tile);
  return heads.map(({ header, documentBytes }) => {
    return { kind: 'block', height: header.height, documentBytes };
  });
}

/** That records lie within their segments, and none where another does. */
class PlaceCheck {
  readonly #used = new Map<number, { end: number; records: number; bytes: number; readonly spans: Spans }>();
  readonly #kind: string;
  readonly #sizes: SegmentSizes;

  constructor(kind: string, sizes: SegmentSizes) {
    this.#kind = kind;
    this.#sizes = sizes;
  }

  add(height: number, { segment, offset, bytes }: Place): void {
    const name = segmentName(segment);
    const size = this.#sizes.get(segment);
    const end = offset + bytes;
    if (size === undefined) throw this.#fail(height, `there is no file ${name}`);
    if (end > size) throw this.#fail(height, `${name} has ${size} bytes, and it ends at ${end}`);
    const use = this.#used.get(segment) ?? { end: 0, records: 0, bytes: 0, spans: new Spans() };
    if (!use.spans.take(offset, end)) throw this.#fail(height, `its place in ${name} is taken`);
    use.end = Math.max(use.end, end);
    use.records += 1;
    use.bytes += bytes;
    this.#used.set(segment, use);
  }

  used(): SegmentUses {
    return new Map(
      [...this.#used].map(([segment, { end, records, bytes }]) => [segment, { end, records, bytes }]),
    );
  }

  #fail(height: number, how: string): SyncError {
    const message = `The ${this.#kind} of block ${height} is missing from the store: ${how}.`;
    return new SyncError('STORE_DAMAGED', message, { height });
  }
}

interface Span {
  start: number;
  end: number;
}

/** Parts of a file that are taken. What lies side by side is one: there are few, also in a file of a million records. */
class Spans {
  /** In order. */
  readonly #spans: Span[] = [];

  /** @returns whether nothing of it was taken. */
  take(start: number, end: number): boolean {
    const at = this.#spans.findLastIndex((span) => span.start < end);
    const below = this.#spans[at];
    if (below !== undefined && below.end > start) return false;
    if (below?.end === start) below.end = end;
    else this.#spans.splice(at + 1, 0, { start, end });
    this.#join(below?.end === end ? at : at + 1);
    return true;
  }

  /** Makes one of a span and the one behind it when they touch. */
  #join(at: number): void {
    const [span, next] = [this.#spans[at], this.#spans[at + 1]];
    if (span === undefined || next === undefined || span.end !== next.start) return;
    span.end = next.end;
    this.#spans.splice(at + 1, 1);
  }
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
