import type {
  ChainRulesPlugin,
  HttpFetch,
  Logger,
  StoragePlugin,
  TransportLimits,
} from '../contracts/index.js';
import type { EngineSettings } from '../engine/engine-parts.js';
import {
  isObject,
  object,
  oneOf,
  optional,
  pluginOf,
  type Reader,
  readOptions,
  refusal,
  text,
  textOr,
  unfit,
  type ValueOf,
  withDefault,
} from '../internal/options/index.js';
import { producerScheme } from '../internal/producer-key-form.js';
import type { BrowserEngineConfig } from './browser-types.js';
import { CHAIN, chainSettings } from './chain-options.js';
import { transportLimits } from './limits.js';
import { checkSignedRules } from './producers.js';
import { RUN, runSettings } from './run-options.js';

const plugin = pluginOf('storage');
const indexedDb = object({ use: oneOf(['indexeddb']), name: text('the name of a database') });

/** The store that was chosen. */
export type BrowserStorage = StoragePlugin | ValueOf<typeof indexedDb> | { readonly use: 'memory' };

/** All that an engine in a browser is made of, complete, checked and frozen. */
export interface BrowserPlan {
  readonly settings: EngineSettings;
  readonly transportLimits: TransportLimits;
  readonly storage: BrowserStorage;
  /** Rules that the host passed; `null` for none. */
  readonly rules: ChainRulesPlugin | null;
  /** The host's HTTP client; `null` for the browser's. */
  readonly fetch: HttpFetch | null;
  /** Where lines of a log go; `null` for nowhere. */
  readonly logger: Logger | null;
}

/** Readers of the options. */
export const BROWSER_OPTIONS = {
  ...CHAIN,
  ...RUN,
  storage: storage(),
  chain: optional(textOr(oneOf(['sealed-json']), pluginOf('chain'))),
  mode: withDefault(oneOf(['auto', 'stream', 'json']), 'auto'),
} satisfies Record<keyof BrowserEngineConfig, Reader<unknown>>;

const OWNER = 'createSyncEngine';

/** Turns a configuration of `createSyncEngine` in a browser into a plan. @throws TypeError */
export function browserPlan(config: BrowserEngineConfig): BrowserPlan {
  const options = readOptions(OWNER, config, BROWSER_OPTIONS);
  const { chain, mode, limits } = options;
  const rules = typeof chain === 'string' ? null : chain;
  const name = typeof chain === 'string' ? chain : (rules?.name ?? null);
  if (options.producers.length > 0)
    checkSignedRules(name, rules === null ? [] : [rules], { owner: OWNER, path: 'producers' });
  const keys = options.producers.flatMap((set) => set.keys);
  const unknown = keys.find((key) => producerScheme(key) !== 'secp256k1');
  if (unknown !== undefined)
    throw refusal(
      { owner: OWNER, path: 'producers' },
      'must have keys of secp256k1: those of Ed25519 are not checked here.',
    );
  const settings = Object.freeze({
    ...runSettings(options, chainSettings(options, name)),
    ...{ mode, trust: null, snapshotType: 'recent', minSnapshotBlocks: 0, threads: 0 },
  } as const);
  return Object.freeze({
    settings,
    transportLimits: transportLimits(limits, limits.maxBlockBytes),
    storage: options.storage,
    rules,
    fetch: options.fetch,
    logger: options.logger,
  });
}

function storage(): Reader<BrowserStorage> {
  const memory = object({ use: oneOf(['memory']) });
  const expects = "{use: 'memory'}, {use: 'indexeddb', name} or a storage plugin";
  const given: Reader<BrowserStorage> = {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      if ('kind' in value) return plugin.read(value, where);
      return value['use'] === 'indexeddb' ? indexedDb.read(value, where) : memory.read(value, where);
    },
  };
  return withDefault<BrowserStorage>(given, { use: 'memory' });
}
