import type { ChainRulesPlugin, StoragePlugin } from '../contracts/index.js';
import type { WantedMode } from '../engine/modes.js';
import type { MemoryStorageConfig, SyncEngineConfig } from './types.js';

/** A store in IndexedDB. While it is open, its blocks are in memory as well. */
export interface IndexedDbStorageConfig {
  readonly use: 'indexeddb';
  /** Name of the database, which nothing else uses; it is made when it is missing. */
  readonly name: string;
}

/** What the engine of `blockferry/browser` is made of: what `SyncEngineConfig` has, but for what only Node can do. */
export interface BrowserEngineConfig extends Omit<
  SyncEngineConfig,
  | 'storage'
  | 'chain'
  | 'chainOptions'
  | 'codecs'
  | 'storeCodec'
  | 'plugins'
  | 'mode'
  | 'trust'
  | 'snapshot'
  | 'threads'
  | 'tls'
  | 'proxy'
> {
  /**
   * Where blocks are kept: in memory, in IndexedDB, or by a plugin.
   *
   * @defaultValue `{ use: 'memory' }`
   */
  readonly storage?: MemoryStorageConfig | IndexedDbStorageConfig | StoragePlugin;
  /**
   * Chain rules: `sealed-json`, or a plugin. `null` stands for those the store was made with, or those that the peer
   * announces where they are one of these.
   *
   * @defaultValue `null`
   */
  readonly chain?: 'sealed-json' | ChainRulesPlugin | null;
  /**
   * How to sync: `auto` takes history in tiles where the peer has it so, and then the stream; `json` tiles and then ranges,
   * `stream` never tiles. When a way fails, the other ones have their turn.
   *
   * @defaultValue `'auto'`
   */
  readonly mode?: Exclude<WantedMode, 'snapshot'>;
}
