import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import { readOptions } from '../../src/internal/options/index.js';
import { POSTGRES_OPTIONS, type PostgresStorageOptions } from '../../src/internal/postgres-options.js';
import { PostgresStorage } from './postgres-storage.js';

export type { PostgresDatabaseOptions, PostgresStorageOptions } from '../../src/internal/postgres-options.js';
export { createPostgresStore } from './schema.js';

/**
 * A store in a PostgreSQL database, 15 or later, whose tables {@link createPostgresStore} makes. One process writes at a
 * time; one that takes over after the lease of another shuts that one out. It needs the package `pg`.
 *
 * @throws TypeError for a value that an option does not take, and for an option that there isn't.
 */
export function postgresStorage(options: PostgresStorageOptions): StoragePlugin {
  const settings = readOptions('postgresStorage', options, POSTGRES_OPTIONS);
  return {
    kind: 'storage',
    name: 'postgres',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new PostgresStorage(settings),
  };
}
