import { postgresPrograms } from '../../helpers/postgres-programs.js';
import { failovers } from './failover.js';

/** A store in PostgreSQL whose servers and writers fail. */
export async function postgres(): Promise<void> {
  const bin = postgresPrograms();
  if (bin === null) {
    console.log('postgres: skipped, PostgreSQL is not installed');
    return;
  }
  await failovers(bin);
}
