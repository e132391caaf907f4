import { SyncError } from '../../errors/index.js';
import { type Database, endOf, platform, resultOf } from './database.js';
import type { Records, RecordWrite } from './records.js';

const VERSION = 1;
const OBJECTS = 'records';
/** Records that are read at once. A record may have some MiB. */
const READ = 16;

/** Records in a database of a browser. */
export class DatabaseRecords implements Records {
  readonly #name: string;
  #database: Database | null = null;
  #release = (): void => undefined;

  /** @param name - of the database, which nothing else uses. */
  constructor(name: string) {
    this.#name = name;
  }

  async open(): Promise<void> {
    await this.#lock();
    try {
      const request = platform.indexedDB.open(this.#name, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(OBJECTS);
      };
      this.#database = await resultOf(request);
    } catch (cause) {
      this.#release();
      throw new SyncError('STORE_IO', `The database ${this.#name} could not be opened.`, { cause });
    }
  }

  async *all(): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    for (let after = ''; ;) {
      const [keys, values] = await this.#read(after);
      for (const [at, key] of keys.entries()) yield [key, values[at] as Uint8Array];
      const last = keys.at(-1);
      if (last === undefined) return;
      after = last;
    }
  }

  async #read(after: string): Promise<readonly [keys: readonly string[], values: readonly Uint8Array[]]> {
    try {
      const objects = this.#opened.transaction(OBJECTS, 'readonly').objectStore(OBJECTS);
      const range = platform.IDBKeyRange.lowerBound(after, true);
      return await Promise.all([
        resultOf(objects.getAllKeys(range, READ)),
        resultOf(objects.getAll(range, READ)),
      ]);
    } catch (cause) {
      throw new SyncError('STORE_IO', `The database ${this.#name} could not be read.`, { cause });
    }
  }

  async write({ added, changed }: RecordWrite): Promise<void> {
    const transaction = this.#opened.transaction(OBJECTS, 'readwrite', { durability: 'strict' });
    const ended = endOf(transaction);
    const objects = transaction.objectStore(OBJECTS);
    if (added !== undefined) objects.add(added[1], added[0]);
    for (const [key, value] of changed) objects.put(value, key);
    try {
      await ended;
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ConstraintError')) throw error;
      throw new SyncError('STORE_LOCKED', `The store ${this.#name} is open elsewhere.`, { cause: error });
    }
  }

  close(): Promise<void> {
    this.#database?.close();
    this.#database = null;
    this.#release();
    return Promise.resolve();
  }

  get #opened(): Database {
    if (this.#database === null) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    return this.#database;
  }

  /** Two pages may have one database open at once. */
  async #lock(): Promise<void> {
    const locks = platform.navigator?.locks;
    if (locks === undefined) return;
    const isOurs = await new Promise<boolean>((resolve, reject) => {
      const held = (lock: object | null): Promise<void> => {
        resolve(lock !== null);
        if (lock === null) return Promise.resolve();
        return new Promise((release) => {
          this.#release = release;
        });
      };
      locks.request(`blockferry:${this.#name}`, { ifAvailable: true }, held).catch(reject);
    });
    if (!isOurs) throw new SyncError('STORE_LOCKED', `The store ${this.#name} is open elsewhere.`);
  }
}
