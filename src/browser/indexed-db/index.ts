import { MemoryStorage } from '../../../plugins/storage-memory/memory-storage.js';
import type { Storage } from '../../contracts/index.js';
import { DatabaseRecords } from './database-records.js';
import { LoggedStorage } from './logged-storage.js';
import type { Records } from './records.js';

/** A store in IndexedDB. @param name - of the database. */
export function indexedDbStorage(name: string): Storage {
  return loggedStorage(new DatabaseRecords(name));
}

/** A store whose writes are kept. */
export function loggedStorage(records: Records): Storage {
  return new LoggedStorage(records, new MemoryStorage());
}
