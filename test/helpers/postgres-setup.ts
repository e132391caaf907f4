import { createPostgresStore, type PostgresStorageOptions } from '../../plugins/storage-postgres/index.js';
import { ask, PostgresCluster } from './postgres-cluster.js';
import { type Pooler, startPooler } from './postgres-pooler.js';
import { poolerProgram, postgresPrograms } from './postgres-programs.js';

/** `one`: a server alone. `standby`: with one that confirms each write. `pooler`: that, behind pgbouncer. */
export const SETUPS = ['one', 'standby', 'pooler'] as const;
export type SetupName = (typeof SETUPS)[number];

/** What stores are tested on: of `BLOCKFERRY_POSTGRES_SETUP`, where that is set. */
export function setupName(usual: SetupName = 'one'): SetupName {
  const named = process.env['BLOCKFERRY_POSTGRES_SETUP'] ?? usual;
  const found = SETUPS.find((name) => name === named);
  if (found === undefined) throw new TypeError(`There is no set-up ${named} of PostgreSQL.`);
  return found;
}

/** Why tests that need a set-up are skipped; `null` when they are not. */
export function missingFor(name: SetupName): string | null {
  if (postgresPrograms() === null) return 'PostgreSQL is not installed';
  return name === 'pooler' && poolerProgram() === null ? 'pgbouncer is not installed' : null;
}

/** Servers with the tables of stores. */
export interface PostgresSetup {
  readonly name: SetupName;
  readonly cluster: PostgresCluster;
  /** Where clients connect. */
  readonly url: string;
  readonly port: number;
  readonly durability: NonNullable<PostgresStorageOptions['durability']>;
  /** The rows of a statement, of the server itself. */
  query<R>(sql: string): Promise<readonly R[]>;
  /** Ends the server that takes the writes as a loss of power does. */
  kill(): void;
  /** Starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a set-up. */
export async function startSetup(name: SetupName, settings: readonly string[] = []): Promise<PostgresSetup> {
  const isAlone = name === 'one';
  const cluster = await PostgresCluster.start(postgresPrograms() ?? '', {
    standbys: isAlone ? 0 : 1,
    confirmed: !isAlone,
    settings,
  });
  const server = cluster.primary;
  const pooler: Pooler | null =
    name === 'pooler' ? await startPooler(poolerProgram() ?? '', server.port) : null;
  const { url, port } = pooler ?? server;
  await createPostgresStore({ url });
  return {
    name,
    cluster,
    url,
    port,
    durability: isAlone ? 'primary' : 'replicated',
    query: (sql) => ask(server, sql),
    kill: () => {
      server.kill();
    },
    restart: () => server.restart(),
    stop: async () => {
      await pooler?.stop();
      await cluster.stop();
    },
  };
}
