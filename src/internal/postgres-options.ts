import {
  accepting,
  boolean,
  duration,
  integer,
  oneOf,
  optional,
  type Reader,
  refusal,
  type SpecOf,
  text,
  unfit,
  type ValuesOf,
  withDefault,
} from './options/index.js';

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
   * `writer`: the one process that writes. `reader`: one of any number that read what it wrote; they need to be allowed no
   * more than `select`, and work with a hot standby. `auto`: one of several of which one writes; the others read, and one of
   * them takes over when the writer's lease has ended.
   *
   * @defaultValue `'writer'`
   */
  readonly role?: 'writer' | 'reader' | 'auto' | undefined;
  /**
   * Where readers listen for changes when `url` leads through a pooler in transaction mode, which passes no notifications on:
   * the server itself, past the pooler; `null` for `url`. Where nothing is passed on they look once a second.
   *
   * @defaultValue `null`
   */
  readonly listenUrl?: string | null | undefined;
  /**
   * Whether a writer makes a store that the schema does not have yet; `false`: it fails with `STORE_NOT_FOUND`. The tables
   * are made by `createPostgresStore` only.
   *
   * @defaultValue `true`
   */
  readonly createIfMissing?: boolean | undefined;
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

/** `postgres://user:password@`, the hosts, and the rest of a URL. */
const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^/?#@]*@)?)([^/?#@]*)(.*)$/s;

/** One URL for each host of a URL that names several, as `postgres://user@one:5432,two:5433/database`. */
export function serversOf(url: string): readonly string[] {
  const [, before = '', hosts = '', after = ''] = URL_PARTS.exec(url) ?? [];
  return hosts.split(',').map((host) => `${before}${host}${after}`);
}

const EXPECTS_URL = 'a URL, as postgres://user@host:5432/database';

/** A refusal does not show what it refuses: that may have a password in it. */
const serverUrl: Reader<string> = {
  expects: EXPECTS_URL,
  read: (value, where) => {
    if (value === undefined) throw unfit(where, EXPECTS_URL, value);
    const isUrl =
      typeof value === 'string' &&
      URL_PARTS.test(value) &&
      serversOf(value).every((url) => URL.canParse(url));
    if (isUrl) return value;
    throw refusal(where, `must be ${EXPECTS_URL}.`);
  },
};

const schemaName = accepting(
  'a name of lower-case letters, digits and _, at most 63, that begins with no digit',
  (value): value is string => typeof value === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(value),
);

/** Readers of where the tables are. */
export const DATABASE_OPTIONS = {
  url: serverUrl,
  schema: withDefault(schemaName, 'blockferry'),
} satisfies SpecOf<PostgresDatabaseOptions>;

/** Readers of the options. */
export const POSTGRES_OPTIONS = {
  ...DATABASE_OPTIONS,
  store: withDefault(text('the name of a store'), 'main'),
  role: withDefault(oneOf(['writer', 'reader', 'auto']), 'writer'),
  listenUrl: optional(serverUrl),
  createIfMissing: withDefault(boolean(), true),
  leaseMs: withDefault(duration({ min: 1000 }), 15_000),
  outageMs: withDefault(duration(), 60_000),
  durability: withDefault(oneOf(['replicated', 'primary']), 'replicated'),
  retainMs: withDefault(duration(), 600_000),
  pool: withDefault(integer({ min: 3, max: 1000 }), 8),
} satisfies SpecOf<PostgresStorageOptions>;

/** The options, complete. */
export type PostgresSettings = ValuesOf<typeof POSTGRES_OPTIONS>;
