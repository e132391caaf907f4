import type { Frame } from '../../src/contracts/index.js';
import { encodeTileBody, isTileCodec } from '../../src/tiles/body.js';
import type { DecidedCut } from '../../src/tiles/cut.js';
import { encodeHeads } from '../../src/tiles/heads.js';
import type { TilePlan } from '../../src/tiles/plan.js';
import type { WholeTile } from '../../src/tiles/whole.js';
import type { Place } from './block-rows.js';
import type { Run } from './database.js';
import { pageOf, type Source } from './reads.js';
import type { Moment } from './store-row.js';
import { findTile } from './tile-reads.js';
import { decideTiles, dropTiles, insertTiles, type NewTile, rowMembers } from './tile-rows.js';

/** Tiles that are taken note of in one write. */
const NOTED_TILES = 64;

/** The store of tiles. */
export interface TileMakerHost {
  /** Reads, and keeps what is read meanwhile. */
  source(): Source;
  moment(): Moment;
  /** Runs a step in the turn of a write. @throws SyncError `STORE_CLOSED` */
  queued<T>(step: () => Promise<T>): Promise<T>;
  /** Which tiles could be made; to be asked in the turn of a write. */
  plan(): Promise<TilePlan>;
  write(step: (run: Run, place: Place) => Promise<void>): Promise<void>;
}

/** What is to be done next, as of a moment. */
interface Work {
  readonly plan: TilePlan;
  readonly cuts: readonly DecidedCut[];
  readonly at: Moment;
  readonly changes: number;
}

/**
 * Turns settled blocks into tiles beside what else the store does: one is read and encoded as of a moment, a member of it
 * in each turn, and the write that puts it in the place of blocks waits its turn. A tile that came whole is only taken note
 * of, when it is cut in the same way here.
 */
export class TileMaker {
  /** How many were made since the store was opened. */
  made = 0;
  readonly #host: TileMakerHost;
  #settled = -1;
  #isDigested = false;
  #making: Promise<void> | null = null;
  #isClosing = false;
  /** Counts what takes blocks away: a tile of blocks from before is not put in place. */
  #changes = 0;

  constructor(host: TileMakerHost) {
    this.#host = host;
  }

  /** Makes the tiles that are decided up to a height. Resolves when they are durable, or the store is closed. */
  async settle(height: number, isDigested: boolean): Promise<void> {
    this.#settled = Math.max(this.#settled, height);
    this.#isDigested = isDigested;
    this.#making ??= this.#makeAll().finally(() => {
      this.#making = null;
    });
    await this.#making;
  }

  /** Takes note that the blocks above a height were dropped: those that come in their place are not settled. */
  back(height: number): void {
    this.#changes += 1;
    this.#settled = Math.min(this.#settled, height);
  }

  /** Takes note that the blocks below a height were dropped. */
  pruned(): void {
    this.#changes += 1;
  }

  /** Ends after the tile that is being made. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#making?.catch(() => undefined);
  }

  async #makeAll(): Promise<void> {
    while (!this.#isClosing) {
      const work = await this.#host.queued(() => this.#next());
      if (work === null) return;
      await this.#do(work);
    }
  }

  async #next(): Promise<Work | null> {
    const plan = await this.#host.plan();
    const cuts = plan.upcoming(this.#settled, NOTED_TILES);
    return cuts.length === 0 ? null : { plan, cuts, at: this.#host.moment(), changes: this.#changes };
  }

  async #do(work: Work): Promise<void> {
    const source = this.#host.source();
    const release = source.hold(work.at);
    try {
      const noted = await this.#alreadyTiles(source, work);
      const [first] = work.cuts;
      if (noted.length > 0) await this.#note(work, noted);
      else if (first !== undefined) await this.#put(work, first, await this.#make(source, work.at, first));
    } catch (error) {
      // The write that drops blocks may have been under way.
      await this.#host.queued(() => Promise.resolve());
      if (!this.#isPast(work)) throw error;
    } finally {
      release();
    }
  }

  /** The first cuts that came whole. */
  async #alreadyTiles(source: Source, { cuts, at }: Work): Promise<readonly DecidedCut[]> {
    for (const [index, { from, to }] of cuts.entries()) {
      const tile = await source.reading((run) => findTile(run, source, at, from));
      const isSame = tile?.from === from && tile.to === to && (tile.digest !== null || !this.#isDigested);
      if (!isSame) return cuts.slice(0, index);
    }
    return cuts;
  }

  #note(work: Work, cuts: readonly DecidedCut[]): Promise<void> {
    return this.#unlessPast(work, async () => {
      const { tables } = this.#host.source();
      await this.#host.write((run, place) => decideTiles(run, tables, place, cuts));
      for (const cut of cuts) work.plan.done(cut);
    });
  }

  #put(work: Work, cut: DecidedCut, tile: NewTile | null): Promise<void> {
    return this.#unlessPast(work, async () => {
      const { tables } = this.#host.source();
      if (tile !== null)
        await this.#host.write(async (run, place) => {
          await dropTiles(run, tables, place, cut);
          await insertTiles(run, tables, place, [tile]);
        });
      this.made += tile === null ? 0 : 1;
      work.plan.done(cut);
    });
  }

  #unlessPast(work: Work, step: () => Promise<void>): Promise<void> {
    return this.#host.queued(async () => {
      if (!this.#isPast(work)) await step();
    });
  }

  /** Whether blocks were taken away since, or all contents replaced. */
  #isPast({ changes, at }: Work): boolean {
    return changes !== this.#changes || at.gen !== this.#host.moment().gen;
  }

  /** `null` when a block is in a codec that can't be decoded here. */
  async #make(
    source: Source,
    at: Moment,
    { from, to, documentBytes, decidedAt }: DecidedCut,
  ): Promise<NewTile | null> {
    const frames: Frame[] = [];
    for (let next = from; next <= to;) {
      const page = await pageOf(source, at, { from: next, to });
      frames.push(...page);
      next += page.length;
    }
    const last = frames.at(-1);
    if (last === undefined || !frames.every(({ codec }) => isTileCodec(codec))) return null;
    const { members, parts, digest } = await encodeTileBody(frames, { isDigested: this.#isDigested });
    const body = Buffer.concat(parts);
    const { previousHash } = frames[0]?.header ?? last.header;
    const { hash } = last.header;
    const tile = { from, to, previousHash, hash, documentBytes, bytes: body.byteLength, digest, decidedAt };
    return { ...tile, body, members: rowMembers(members, body), heads: headsOf(frames), isSwept: false };
  }
}

function headsOf(frames: readonly Frame[]): Buffer {
  return encodeHeads(frames.map(({ header, documentBytes }) => ({ header, documentBytes, changes: 0 })));
}

/** A tile as it came with a batch, and the blocks that it is of. */
export function newWholeTile({ tile: { body, ...tile }, blocks }: WholeTile): NewTile {
  return {
    ...tile,
    decidedAt: null,
    body: body.bytes,
    members: rowMembers(body.members, body.bytes),
    heads: headsOf(blocks.map(({ frame }) => frame)),
    isSwept: true,
  };
}
