import { SyncError } from '../../src/errors/index.js';
import type { Database } from './database.js';
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
}

/** Knows what the store of another process is: as of the last look, which is a second old at most while the server answers. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #moment: Moment;
  #olderSince: number | null = null;
  #looking: Promise<void> | null = null;
  #isDue = false;

  private constructor(parts: FollowerParts, moment: Moment) {
    this.#parts = parts;
    this.#moment = moment;
    this.#timer = setInterval(() => {
      this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** @throws SyncError `STORE_NOT_FOUND`, `STORE_UNAVAILABLE`, `STORE_VERSION` */
  static async begin(parts: FollowerParts): Promise<Follower> {
    return new Follower(parts, await momentOf(parts));
  }

  /** As of the last look. */
  get moment(): Moment {
    return this.#moment;
  }

  /** Calls back after each change, until the function that it gives is called. */
  watch(listener: () => void): () => void {
    const own = (): void => {
      listener();
    };
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Looks, or looks once more after the look that is under way. */
  look(): void {
    this.#isDue = this.#looking !== null;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      if (this.#isDue) this.look();
    });
  }

  /** Looks now. @throws SyncError `STORE_UNAVAILABLE` */
  async refresh(): Promise<void> {
    this.#take(await momentOf(this.#parts));
  }

  /** Ends after the look that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    while (this.#looking !== null) await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      await this.refresh();
    } catch {
      // The next look, or a read, finds out.
    }
  }

  #take(seen: Moment): void {
    const { epoch, version } = this.#moment;
    if (seen.epoch === epoch && seen.version === version) this.#olderSince = null;
    else if (this.#isNews(seen)) {
      this.#olderSince = null;
      this.#moment = seen;
      for (const listener of this.#listeners) listener();
    }
  }

  /** Servers that lag behind each other may answer in turn: an older answer counts once there is no other for some time. */
  #isNews({ epoch, version }: Moment): boolean {
    const now = this.#moment;
    if (epoch > now.epoch || (epoch === now.epoch && version > now.version)) return true;
    this.#olderSince ??= performance.now();
    return performance.now() - this.#olderSince > BACK_MS;
  }
}

/** What a store is. @throws SyncError `STORE_NOT_FOUND`, `STORE_UNAVAILABLE`, `STORE_VERSION` */
export async function momentOf({ database, tables, name }: FollowerParts): Promise<Moment> {
  const found = await database.reading((run) => findStore(run, tables, name));
  if (found !== null) return found;
  throw new SyncError('STORE_NOT_FOUND', `The database has no store ${JSON.stringify(name)}.`);
}
