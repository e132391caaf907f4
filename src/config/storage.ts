import type { Plugin, StoragePlugin } from '../contracts/index.js';
import {
  boolean,
  inside,
  isObject,
  object,
  oneOf,
  pluginOf,
  type Reader,
  text,
  unfit,
  unknownPlugin,
  unread,
  type ValueOf,
  type Where,
  withDefault,
} from '../internal/options/index.js';
import { POSTGRES_OPTIONS } from '../internal/postgres-options.js';
import { STORAGE_NAMES } from './builtin.js';
import type { LevelStorageConfig, MemoryStorageConfig, PostgresStorageConfig } from './types.js';

const EXPECTS = "{use: 'leveldb', location}, {use: 'postgres', url}, {use: 'memory'} or a storage plugin";

const LEVEL = {
  use: oneOf(['leveldb']),
  location: text('the path of a directory'),
  createIfMissing: withDefault(boolean(), true),
} satisfies Record<keyof LevelStorageConfig, Reader<unknown>>;
const POSTGRES = {
  use: oneOf(['postgres']),
  ...POSTGRES_OPTIONS,
} satisfies Record<keyof PostgresStorageConfig, Reader<unknown>>;
const MEMORY = { use: oneOf(['memory']) } satisfies Record<keyof MemoryStorageConfig, Reader<unknown>>;

const level = object(LEVEL);
const postgres = object(POSTGRES);
const memory = object(MEMORY);
const named = object({ use: text() });
const plugin = pluginOf('storage');

/** The store that was chosen: a built-in one with its options, or a plugin. */
export type StorageChoice =
  StoragePlugin | ValueOf<typeof level> | ValueOf<typeof postgres> | ValueOf<typeof memory>;

/** The option as such: which stores there are depends on the plugins that are passed beside it. */
export const storage: Reader<unknown> = { ...unread(EXPECTS), parts: { ...level.parts } };

/** Chooses the store among the built-in ones and those that were passed. @throws TypeError @throws SyncError `PLUGIN_UNKNOWN` */
export function storageOf(value: unknown, where: Where, plugins: readonly Plugin[]): StorageChoice {
  if (!isObject(value)) throw unfit(where, EXPECTS, value);
  return 'kind' in value ? plugin.read(value, where) : byName(value, where, plugins);
}

function byName(
  value: Readonly<Record<string, unknown>>,
  where: Where,
  plugins: readonly Plugin[],
): StorageChoice {
  const use = text('the name of a store').read(value['use'], inside(where, '.use'));
  const passed = plugins.filter((one) => one.kind === 'storage');
  const own = passed.find(({ name }) => name === use);
  if (use === 'leveldb') return own ?? level.read(value, where);
  if (use === 'postgres') return own ?? postgres.read(value, where);
  if (use === 'memory') return own ?? memory.read(value, where);
  const known = [...passed.map(({ name }) => name), ...STORAGE_NAMES];
  if (own === undefined) throw unknownPlugin(inside(where, '.use'), 'storage', use, known);
  named.read(value, where);
  return own;
}
