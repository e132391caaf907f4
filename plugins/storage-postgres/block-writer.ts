import type {
  BlockHeader,
  BlockRange,
  BlockRef,
  Checkpoint,
  CommitBatch,
} from '../../src/contracts/index.js';
import { planCommit, planPrune, planRollback } from '../../src/internal/commit-rules.js';
import { cutBlock, dropOf, type TilePlan } from '../../src/tiles/plan.js';
import { splitBatch } from '../../src/tiles/whole.js';
import { dropBlocks, insertBlocks, type Place } from './block-rows.js';
import type { Run } from './database.js';
import { headerOf, refsIn, type Source } from './reads.js';
import { smallCommit } from './small-commit.js';
import { insertChanges } from './state-rows.js';
import type { Moment } from './store-row.js';
import { newWholeTile, TileMaker } from './tile-maker.js';
import { drop, dropAbove, planOf } from './tile-plan.js';
import { dropTiles, insertTiles } from './tile-rows.js';
import type { RowChange, Writer } from './writer.js';

/** What blocks are written with. */
export interface BlockWriterParts {
  readonly writer: Writer;
  readonly source: () => Source;
  /** Runs a step in the turn of a write. */
  queued<T>(step: () => Promise<T>): Promise<T>;
  /** Tells readers that the store has changed. */
  tell(): void;
}

/** Adds and drops blocks, and keeps settled ones as tiles. Calls have to come one after the other. */
export class BlockWriter {
  readonly maker: TileMaker;
  readonly #parts: BlockWriterParts;
  #plan: { readonly gen: number; readonly plan: TilePlan } | null = null;

  constructor(parts: BlockWriterParts) {
    this.#parts = parts;
    this.maker = new TileMaker({
      source: () => parts.source(),
      moment: () => parts.writer.moment,
      queued: (step) => parts.queued(step),
      plan: () => this.#tilePlan(),
      write: async (step) => {
        await this.#write({}, step);
        parts.tell();
      },
    });
  }

  get writer(): Writer {
    return this.#parts.writer;
  }

  /** As {@link Storage.commit}. */
  async commit(batch: CommitBatch): Promise<void> {
    const source = this.#parts.source();
    const now = this.#parts.writer.moment;
    const { rollbackTo: to, blocks } = batch;
    const result = planCommit(batch, now.checkpoint, now.identity, await this.#found(to));
    const plan = await this.#tilePlan();
    const tiles = to === null ? null : await dropAbove(source, now, to);
    const next = plan.next(tiles, blocks.map(cutBlock));
    const split = splitBatch(batch, next);
    const frames = split.frames.map(({ frame }) => frame);
    const whole = split.tiles.map(newWholeTile);
    const isSmall = tiles === null && whole.length === 0;
    const place = { ...now, version: now.version + 1 };
    const beside = isSmall ? smallCommit(source.tables, place, blocks) : null;
    const write = async (run: Run): Promise<void> => {
      if (tiles !== null) await drop(run, source, place, { range: above(now.checkpoint, to), tiles });
      await insertBlocks(run, source.tables, place, frames);
      await insertTiles(run, source.tables, place, whole);
      await insertChanges(run, source.tables, place, blocks);
    };
    await this.#parts.writer.write(result, write, beside);
    plan.become(next);
    if (to !== null) this.maker.back(to.height);
  }

  /** As {@link Storage.rollback}. */
  async rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const source = this.#parts.source();
    const now = this.#parts.writer.moment;
    const checkpoint = planRollback(to, await this.#found(to), now.checkpoint);
    const range = above(now.checkpoint, to);
    if (range.from > range.to) return [];
    const plan = await this.#tilePlan();
    const dropped = await refsIn(source, now, range);
    const tiles = await dropAbove(source, now, to);
    const next = plan.next(dropOf(to, tiles), []);
    await this.#write({ checkpoint }, (run, place) => drop(run, source, place, { range, tiles }));
    plan.become(next);
    this.maker.back(to?.height ?? -1);
    return dropped;
  }

  /** As {@link Storage.prune}. Rows stay for those who read an older moment, and go as those that a rollback drops. */
  async prune(to: BlockRef): Promise<void> {
    const { tables } = this.#parts.source();
    const { checkpoint: before } = this.#parts.writer.moment;
    const checkpoint = planPrune(to, await this.#found(to), before);
    if (checkpoint.base === before.base) return;
    const range = { from: before.base, to: to.height - 1 };
    const plan = await this.#tilePlan();
    await this.#write({ checkpoint }, async (run, place) => {
      await dropBlocks(run, tables, place, range);
      await dropTiles(run, tables, place, range);
    });
    plan.prune(checkpoint.base);
    this.maker.pruned();
  }

  async #found(to: BlockRef | null): Promise<BlockHeader | null> {
    const now = this.#parts.writer.moment;
    return to !== null && isHeld(now, to.height) ? headerOf(this.#parts.source(), now, to.height) : null;
  }

  #write(change: RowChange, step: (run: Run, place: Place) => Promise<void>): Promise<void> {
    const { writer } = this.#parts;
    const { store, gen } = writer.moment;
    return writer.write(change, (run, version) => step(run, { store, gen, version }));
  }

  /** Other contents have another plan. */
  async #tilePlan(): Promise<TilePlan> {
    const { writer, source } = this.#parts;
    const { gen } = writer.moment;
    if (this.#plan?.gen === gen) return this.#plan.plan;
    if (this.#plan !== null) this.maker.back(-1);
    const plan = await planOf(source(), writer.moment);
    this.#plan = { gen, plan };
    return plan;
  }
}

/** Whether the store of a moment has a block at a height. */
export function isHeld({ checkpoint: { base, head } }: Moment, height: number): boolean {
  return Number.isSafeInteger(height) && head !== null && height >= base && height <= head.height;
}

/** The heights above a block. */
function above({ head, base }: Checkpoint, to: BlockRef | null): BlockRange {
  return { from: Math.max((to?.height ?? -1) + 1, base), to: head?.height ?? -1 };
}
