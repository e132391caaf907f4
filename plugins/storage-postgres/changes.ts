import type { BlockHeader, BlockRef, ChainChange, Checkpoint, Frame } from '../../src/contracts/index.js';
import { headerOf, pageOf, refsIn, type Source } from './reads.js';
import type { Moment } from './store-row.js';

/** Newest blocks whose hashes a reader knows, to find where a branch begins. */
const KNOWN = 1024;

/** What a reader shows next, and what it tells of that; `null` when no block has come or gone. */
export interface Step {
  readonly moment: Moment;
  readonly change: ChainChange | null;
}

/** Hashes of the newest blocks that a reader has shown, by height. */
export class KnownBlocks {
  readonly #hashes = new Map<number, string>();

  /** Adds a block, in place of what there was at its height and above. */
  add({ height, hash }: BlockRef): void {
    this.dropAbove(height - 1);
    this.#hashes.set(height, hash);
    this.#hashes.delete(height - KNOWN);
  }

  /** Forgets the blocks above a height. */
  dropAbove(height: number): void {
    for (let above = height + 1; this.#hashes.delete(above); above++);
  }

  /** Whether a block was shown. */
  has({ height, hash }: BlockRef): boolean {
    return this.#hashes.get(height) === hash;
  }

  /** Reads the newest blocks of a moment. */
  async fill(source: Source, at: Moment): Promise<void> {
    this.#hashes.clear();
    const { head, base } = at.checkpoint;
    if (head === null) return;
    const range = { from: Math.max(base, head.height - KNOWN + 1), to: head.height };
    const refs = await refsIn(source, at, range);
    for (const ref of refs.toReversed()) this.add(ref);
  }
}

/** The steps from what is shown to a later moment: back to where both part, and on in pages of about 1 MiB. */
export async function* stepsTo(
  source: Source,
  shown: Moment,
  to: Moment,
  known: KnownBlocks,
): AsyncGenerator<Step> {
  const { head } = shown.checkpoint;
  const page = head === null ? null : await pageAbove(source, head, to);
  if (head === null) yield* forward(source, to, to.checkpoint.base, { known });
  else if (page !== null) yield* forward(source, to, head.height + 1, { known, page });
  else yield* fromCommon(source, { ...shown, head }, to, known);
  yield { moment: to, change: null };
}

/** Back to where both part, and on. */
async function* fromCommon(
  source: Source,
  shown: Moment & { readonly head: BlockRef },
  to: Moment,
  known: KnownBlocks,
): AsyncGenerator<Step> {
  const common = await commonBlock(source, shown.checkpoint, to, known);
  if (common === null) {
    // Other contents, which have no block in common with these.
    await known.fill(source, to);
    return;
  }
  known.dropAbove(common.height);
  if (common.height < shown.head.height)
    yield { moment: upTo(to, common), change: { kind: 'rollback', to: common } };
  yield* forward(source, to, common.height + 1, { known });
}

async function* forward(
  source: Source,
  to: Moment,
  first: number,
  { known, page = null }: { readonly known: KnownBlocks; readonly page?: readonly Frame[] | null },
): AsyncGenerator<Step> {
  const last = topOf(to.checkpoint);
  let next = page;
  for (let from = first; from <= last;) {
    const frames = next ?? (await pageOf(source, to, { from, to: last }));
    next = null;
    for (const { header } of frames) known.add(header);
    const newest = frames.at(-1)?.header;
    if (newest === undefined) return;
    yield { moment: upTo(to, newest), change: { kind: 'extend', frames } };
    from += frames.length;
  }
}

/** The first blocks above one that is shown, where they follow it, as they mostly do; `null` where they don't. */
async function pageAbove(
  source: Source,
  { height, hash }: BlockRef,
  to: Moment,
): Promise<readonly Frame[] | null> {
  const last = topOf(to.checkpoint);
  if (height >= last || height < to.checkpoint.base) return null;
  const frames = await pageOf(source, to, { from: height + 1, to: last });
  return frames[0]?.header.previousHash === hash ? frames : null;
}

/** The newest block that both have; `null` when there is none that is known. */
async function commonBlock(
  source: Source,
  shown: Checkpoint,
  to: Moment,
  known: KnownBlocks,
): Promise<BlockHeader | null> {
  const { base } = to.checkpoint;
  const top = Math.min(topOf(shown), topOf(to.checkpoint));
  if (top < base) return null;
  const header = await headerOf(source, to, top);
  if (known.has(header)) return header;
  const range = { from: Math.max(base, top - KNOWN), to: top };
  const refs = await refsIn(source, to, range);
  const height = refs.find((ref) => known.has(ref))?.height;
  if (height !== undefined) return headerOf(source, to, height);
  const { finalized } = shown;
  const isHeld = finalized !== null && finalized.height >= base && finalized.height <= top;
  return isHeld ? finalBlock(source, finalized, to) : null;
}

const topOf = ({ head }: Checkpoint): number => head?.height ?? -1;

/** What is final is dropped only with all contents. */
async function finalBlock(source: Source, finalized: BlockRef, to: Moment): Promise<BlockHeader | null> {
  const header = await headerOf(source, to, finalized.height);
  return header.hash === finalized.hash ? header : null;
}

/** A moment of which only the blocks up to one are shown yet. */
function upTo(moment: Moment, { height, hash }: BlockRef): Moment {
  const head = { height, hash };
  const held = (ref: BlockRef | null): BlockRef | null => (ref !== null && ref.height > height ? head : ref);
  const { checkpoint } = moment;
  const { confirmed, finalized } = checkpoint;
  return {
    ...moment,
    checkpoint: { ...checkpoint, head, confirmed: held(confirmed), finalized: held(finalized) },
  };
}
