import { postgresPrograms } from '../../helpers/postgres-programs.js';
import { fullDisk } from './disk.js';
import { realBlocks } from './data.js';
import { failovers } from './failover.js';
import { control, frozenStandby } from './standby.js';
import { writers } from './writers.js';

/** In this order; `PARTS=writers,disk` for some of them. */
const PARTS: Readonly<Record<string, (bin: string) => Promise<void>>> = {
  failovers,
  control,
  standby: frozenStandby,
  writers,
  disk: fullDisk,
  data: realBlocks,
};

/** A store in PostgreSQL whose servers and writers fail. */
export async function postgres(): Promise<void> {
  const bin = postgresPrograms();
  if (bin === null) {
    console.log('postgres: skipped, PostgreSQL is not installed');
    return;
  }
  const wanted = process.env['PARTS']?.split(',') ?? Object.keys(PARTS);
  for (const name of wanted) {
    const part = PARTS[name];
    if (part === undefined) throw new TypeError(`There is no part ${name}.`);
    await part(bin);
  }
}
