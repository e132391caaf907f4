import {
  accepting,
  duration,
  integer,
  oneOf,
  type SpecOf,
  text,
  type ValuesOf,
  withDefault,
} from '../../src/internal/options/index.js';

/** Where the tables are. */
export interface PostgresDatabaseOptions {
  /**
   * The server and its database, as `postgres://user@host:5432/database`. Of several hosts, `one:5432,two:5432`, the one is
   * used that takes writes.
   */
  readonly url: string;
  /**
   * Schema that has the tables: lower-case letters, digits and `_`, at most 63.
   *
   * @defaultValue `'blockferry'`
   */
  readonly schema?: string | undefined;
}

/** Options of `postgresStorage`. */
export interface PostgresStorageOptions extends PostgresDatabaseOptions {
  /**
   * Name of the store: a schema holds any number of them.
   *
   * @defaultValue `'main'`
   */
  readonly store?: string | undefined;
  /**
   * How long a writer that is not heard of keeps the store to itself, in milliseconds from 1,000 on.
   *
   * @defaultValue 15,000
   */
  readonly leaseMs?: number | undefined;
  /**
   * How long calls wait for a server that can't be reached, in milliseconds, before they fail with `STORE_UNAVAILABLE`.
   *
   * @defaultValue 60,000
   */
  readonly outageMs?: number | undefined;
  /**
   * `replicated`: the server has to have a synchronous standby, and what it does not confirm is not written. `primary`: the
   * server's own disk is enough.
   *
   * @defaultValue `'replicated'`
   */
  readonly durability?: 'replicated' | 'primary' | undefined;
  /**
   * How long rows that are not visible any more are kept for those who still read an older moment in another process, in
   * milliseconds. Reads in the writer's own process keep them for as long as they last.
   *
   * @defaultValue 600,000
   */
  readonly retainMs?: number | undefined;
  /**
   * Most connections at a time, from 3 to 1,000; two of them are for writes.
   *
   * @defaultValue 8
   */
  readonly pool?: number | undefined;
}

const schemaName = accepting(
  'a name of lower-case letters, digits and _, at most 63, that begins with no digit',
  (value): value is string => typeof value === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(value),
);

/** Readers of where the tables are. */
export const DATABASE_OPTIONS = {
  url: text('the URL of a PostgreSQL server'),
  schema: withDefault(schemaName, 'blockferry'),
} satisfies SpecOf<PostgresDatabaseOptions>;

/** Readers of the options. */
export const POSTGRES_OPTIONS = {
  ...DATABASE_OPTIONS,
  store: withDefault(text('the name of a store'), 'main'),
  leaseMs: withDefault(duration({ min: 1000 }), 15_000),
  outageMs: withDefault(duration(), 60_000),
  durability: withDefault(oneOf(['replicated', 'primary']), 'replicated'),
  retainMs: withDefault(duration(), 600_000),
  pool: withDefault(integer({ min: 3, max: 1000 }), 8),
} satisfies SpecOf<PostgresStorageOptions>;

/** The options, complete. */
export type PostgresSettings = ValuesOf<typeof POSTGRES_OPTIONS>;
