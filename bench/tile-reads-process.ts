import { levelStorage } from '../plugins/storage-leveldb/index.js';
import { postgresStorage, type PostgresStorageOptions } from '../plugins/storage-postgres/index.js';
import { cpuMsSince, settings, tell } from './process.js';

/**
 * Reads the bodies of all tiles of one store, again and again, each given back as by a server that has sent it, and tells
 * what that took. One store alone, since another one would pay for its garbage, and would be measured while it still reads
 * ahead. The first pass compiles the code and is not counted.
 */
const { storage, passes } = settings() as {
  readonly storage: { readonly use: 'leveldb' | 'postgres' } & PostgresStorageOptions & {
      readonly location: string;
    };
  readonly passes: number;
};
const { use, location, ...options } = storage;
const store = use === 'postgres' ? postgresStorage(options).create() : levelStorage({ location }).create();
await store.open();
const tiles = (await store.tiles?.list({ from: 0, to: Number.MAX_SAFE_INTEGER })) ?? [];
await pass();
const before = process.cpuUsage();
const startedMs = performance.now();
for (let done = 0; done < passes; done++) await pass();
const elapsedMs = performance.now() - startedMs;
const cpuMs = cpuMsSince(before);
await store.close();
await tell({ elapsedMs, cpuMs });

async function pass(): Promise<void> {
  if (tiles.length === 0) throw new Error('The store has no tiles.');
  for (const tile of tiles) {
    const body = (await store.tiles?.body(tile)) ?? null;
    if (body === null) throw new Error('A tile is gone.');
    store.tiles?.free?.(body);
  }
}
