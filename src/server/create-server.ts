import { resolveServerParts } from '../di/server-parts.js';
import { Readiness } from './probes/readiness.js';
import { SERVER_OPTIONS, serverPlan, type ServerPlan, type SyncServerConfig } from './plan.js';
import { type SyncServer, SyncServerCore } from './sync-server.js';
import { TrackedSource } from './tracked-source.js';

/**
 * Makes the framework-free server that the adapters drive.
 *
 * @throws TypeError for an option that is missing, unknown or out of bounds
 * @throws SyncError `PLUGIN_INCOMPATIBLE`, `CODEC_UNAVAILABLE`
 */
export function createSyncServer(config: SyncServerConfig): SyncServer {
  return serverOf(serverPlan('createSyncServer', config, SERVER_OPTIONS));
}

/** Makes the server of a plan. @throws SyncError `PLUGIN_INCOMPATIBLE`, `CODEC_UNAVAILABLE` */
export function serverOf({ limits, cache, plugins, snapshots, onError, ...plan }: ServerPlan): SyncServer {
  const source = new TrackedSource(plan.source);
  const parts = resolveServerParts({ source, plugins, limits, cache, snapshots });
  return new SyncServerCore({
    source,
    limits,
    cache,
    onError,
    readiness: new Readiness(source, plan.readiness),
    idle: (withinMs) => source.idle(withinMs),
    ...parts,
  });
}
