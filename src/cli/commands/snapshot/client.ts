import { DEFAULT_TRANSPORT_LIMITS } from '../../../config/limits.js';
import type {
  Closeable,
  Peer,
  SnapshotManifest,
  SnapshotTransport,
  SnapshotTransportPlugin,
  SnapshotType,
} from '../../../contracts/index.js';
import { PluginResolver } from '../../../di/resolve.js';
import { assembleWorkers } from '../../../di/workers.js';
import { type ConnectionSettings, createHttp1Client } from '../../../http1-client/index.js';

/** Asks servers for snapshots, in every codec that this runtime has. */
export interface SnapshotClient extends Closeable {
  readonly transport: SnapshotTransport;
  /** The newest manifest of a type; see {@link SnapshotTransport.manifest}. */
  manifest(peer: Peer, type: SnapshotType, signal: AbortSignal): Promise<SnapshotManifest | null>;
}

/**
 * Close it at the end.
 *
 * @param plugins - win over the built-in ones.
 */
export async function openSnapshotClient(
  connection: ConnectionSettings,
  plugins: readonly SnapshotTransportPlugin[] = [],
): Promise<SnapshotClient> {
  const limits = DEFAULT_TRANSPORT_LIMITS;
  const plugin = await new PluginResolver(plugins).snapshotTransport();
  const { workers, snapshotCodecs: codecs } = await assembleWorkers([]);
  const http = createHttp1Client(limits, connection);
  const transport = plugin.create({ fetch: http.fetch, limits, workers });
  return {
    transport,
    manifest: (peer, type, signal) => transport.manifest(peer, { type, codecs }, { signal }),
    close: async () => {
      await http.close();
      await workers.close();
    },
  };
}
