import type { ChainChange, StorageLag } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { KnownBlocks, stepsTo } from './changes.js';
import type { Database } from './database.js';
import type { Source } from './reads.js';
import { Replica } from './replica.js';
import type { Tables } from './schema.js';
import { findStore, type Moment } from './store-row.js';

/** How often a reader looks whether the store has changed, also when nothing tells it. */
const LOOK_MS = 1_000;

/** For how long all answers have to be older than what was seen before the store is taken to have gone back. */
const BACK_MS = 5_000;

/** What a follower needs. */
export interface FollowerParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly name: string;
  /** What blocks are read from. */
  readonly source: Source;
  /** Called after each step. */
  readonly listeners: ReadonlySet<(change: ChainChange | null) => void>;
}

/**
 * Knows what the store of another process is: as of the last look, which is a second old at most while the server answers.
 * What has changed is shown step by step, and each step is told as it shows.
 */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #known = new KnownBlocks();
  readonly #timer: NodeJS.Timeout;
  #shown: Moment;
  #latest: Moment;
  #olderSince: number | null = null;
  #looking: Promise<void> | null = null;
  #showing: Promise<void> | null = null;
  #isDue = false;
  #isKnown = false;
  #isStopped = false;
  readonly #replica: Replica;
  /** When all showed last that there was. */
  #freshAt = performance.now();

  /** @param moment - which there is, or was. */
  constructor(parts: FollowerParts, moment: Moment) {
    this.#parts = parts;
    this.#replica = new Replica(parts.database);
    this.#shown = moment;
    this.#latest = moment;
    this.#timer = setInterval(() => {
      this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** What is shown. */
  get moment(): Moment {
    return this.#shown;
  }

  /** How far what is shown is behind what the writer has written. */
  lag(): StorageLag {
    const [shown, latest] = [this.#shown, this.#latest].map(({ checkpoint: { head } }) => head?.height ?? -1);
    const blocks = Math.max((latest ?? -1) - (shown ?? -1), 0);
    return { blocks, ms: Math.round(performance.now() - this.#freshAt) };
  }

  /** Looks, or looks once more after the look that is under way. */
  look(): void {
    if (this.#isStopped) return;
    this.#isDue = this.#looking !== null;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      if (this.#isDue) this.look();
    });
  }

  /** Looks now, and resolves when what there is shows. @throws SyncError `STORE_UNAVAILABLE` */
  async refresh(): Promise<void> {
    const askedAt = performance.now();
    // What the server had received by then is in what it is asked for next.
    const { lagMs } = await this.#replica.look();
    const seen = await momentOf(this.#parts);
    const isNewest = this.#take(seen);
    this.#showing ??= this.#show().finally(() => {
      this.#showing = null;
    });
    await this.#showing;
    if (isNewest && this.#shown === this.#latest) this.#freshAt = Math.max(this.#freshAt, askedAt - lagMs);
  }

  /** Ends after the look that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#showing?.catch(() => undefined);
  }

  async #look(): Promise<void> {
    try {
      await this.refresh();
    } catch {
      // The next look, or a read, finds out.
    }
  }

  async #show(): Promise<void> {
    while (this.#shown !== this.#latest && !this.#isStopped) {
      const to = this.#latest;
      if (this.#parts.listeners.size === 0) {
        this.#shown = to;
        this.#isKnown = false;
        continue;
      }
      await this.#know();
      for await (const { moment, change } of stepsTo(this.#parts.source, this.#shown, to, this.#known)) {
        this.#shown = moment;
        for (const listener of [...this.#parts.listeners]) listener(change);
        if (this.#isOver()) return;
      }
    }
  }

  #isOver(): boolean {
    return this.#isStopped;
  }

  /** While nobody is told, what is shown is not looked at. A moment that was lost can't be: what is final is common then. */
  async #know(): Promise<void> {
    if (this.#isKnown) return;
    this.#isKnown = true;
    await this.#known.fill(this.#parts.source, this.#shown).catch(() => undefined);
  }

  /** @returns whether it is the newest that is known. */
  #take(seen: Moment): boolean {
    const { epoch, version } = this.#latest;
    const isSame = seen.epoch === epoch && seen.version === version;
    if (!isSame && this.#isNews(seen)) this.#latest = seen;
    const isNewest = isSame || this.#latest === seen;
    if (isNewest) this.#olderSince = null;
    return isNewest;
  }

  /** Servers that lag behind each other may answer in turn: an older answer counts once there is no other for some time. */
  #isNews({ epoch, version }: Moment): boolean {
    const now = this.#latest;
    if (epoch > now.epoch || (epoch === now.epoch && version > now.version)) return true;
    this.#olderSince ??= performance.now();
    return performance.now() - this.#olderSince > BACK_MS;
  }
}

/** What a store is. @throws SyncError `STORE_NOT_FOUND`, `STORE_UNAVAILABLE`, `STORE_VERSION` */
export async function momentOf({
  database,
  tables,
  name,
}: Pick<FollowerParts, 'database' | 'tables' | 'name'>): Promise<Moment> {
  const found = await database.reading((run) => findStore(run, tables, name));
  if (found !== null) return found;
  throw new SyncError('STORE_NOT_FOUND', `The database has no store ${JSON.stringify(name)}.`);
}
