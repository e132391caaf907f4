import type { BlockSource, Plugin, ServerLimits } from '../contracts/index.js';
import { resolveServerParts, type SnapshotServerOptions } from '../di/server-parts.js';
import { serverLimits } from './limits.js';
import { type SyncServer, SyncServerCore } from './sync-server.js';
import { TrackedSource } from './tracked-source.js';

/** What a server is made of. */
export interface SyncServerConfig {
  /** The chain to serve: a `Chain`, or anything that reads blocks by height and tells when it changes. */
  readonly source: BlockSource;
  /** Further codecs and endpoints; those that are passed win over built-in ones of the same name. Default none. */
  readonly plugins?: readonly Plugin[];
  /**
   * Makes and serves snapshots, which new nodes begin with: whose key signs them, and where they are kept. Default
   * `null`: none.
   */
  readonly snapshots?: SnapshotServerOptions | null;
  /** Bounds; each has a default. */
  readonly limits?: Partial<ServerLimits>;
  /** Called with failures that clients are told nothing about. Must not throw. Default: nothing. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Makes the framework-free server that the adapters drive.
 *
 * @throws TypeError for a bound that can't be meant.
 * @throws SyncError `PLUGIN_INCOMPATIBLE`
 */
export function createSyncServer(config: SyncServerConfig): SyncServer {
  const { plugins = [], snapshots = null, onError } = config;
  const source = new TrackedSource(config.source);
  const limits = serverLimits(config.limits);
  const parts = resolveServerParts({ source, plugins, limits, snapshots });
  return new SyncServerCore({
    source,
    limits,
    onError,
    idle: (withinMs) => source.idle(withinMs),
    ...parts,
  });
}
