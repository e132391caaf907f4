import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { postgresUser, runAsPostgres } from './postgres-programs.js';

/** What belongs to the server that runs, and is no part of a backup. */
const OWN = ['postmaster.pid', 'postmaster.opts', 'pg_wal', 'pg_replslot'];

/**
 * Copies the data of a server that runs, as `pg_basebackup` does, which packages for npm don't have. What is written meanwhile
 * comes from the server's log, which the copy asks for when it is a standby.
 */
export async function copyRunning(port: number, data: string): Promise<void> {
  const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` });
  await client.connect();
  try {
    const { rows } = await client.query<{ readonly data: string }>(
      `select current_setting('data_directory') as data, pg_backup_start('copy', true)`,
    );
    // What goes away while it is copied is no part of it.
    const copy = `cp -a "$0" "$1" 2>/dev/null; test -f "$1/global/pg_control"`;
    await runAsPostgres(['sh', '-c', copy, rows[0]?.data ?? '', data], '/');
    for (const name of OWN) rmSync(join(data, name), { recursive: true, force: true });
    for (const name of ['pg_wal', 'pg_replslot']) mkdirSync(join(data, name), { mode: 0o700 });
    const stopped = await client.query<{ readonly labelfile: string }>(
      'select labelfile from pg_backup_stop(false)',
    );
    writeFileSync(join(data, 'backup_label'), stopped.rows[0]?.labelfile ?? '');
    const user = postgresUser();
    // Made here, and not by the server's user.
    if (user !== null)
      for (const name of ['pg_wal', 'pg_replslot', 'backup_label'])
        chownSync(join(data, name), user.uid, user.gid);
  } finally {
    await client.end();
  }
}
