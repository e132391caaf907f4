import { channel } from 'node:diagnostics_channel';
import type { BlockRange } from '../contracts/index.js';
import { resolveServerParts, type SnapshotSettings } from '../di/server-parts.js';
import { Counts } from '../internal/timing.js';
import type { AuditEntry } from './access/types.js';
import type { AnswerEvent, ServerEvent } from './events.js';
import { logServerEvent } from './log.js';
import { SERVER_OPTIONS, serverPlan, type ServerPlan, type SyncServerConfig } from './plan.js';
import { Readiness } from './probes/readiness.js';
import { ServerTally } from './server-tally.js';
import { type SyncServer, SyncServerCore } from './sync-server.js';
import { TrackedSource } from './tracked-source.js';

/** Gets every event of every server of the process, while somebody listens. */
const EVENTS = channel('blockferry:server');

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
export function serverOf(plan: ServerPlan): SyncServer {
  const { limits, cache, plugins, onError, metrics, readiness, authorize, challenge } = plan;
  const source = new TrackedSource(plan.source);
  const builds = new Counts();
  const snapshots = plan.snapshots === null ? null : counted(plan.snapshots, builds);
  const parts = resolveServerParts({ source, plugins, limits, cache, snapshots });
  const server = new SyncServerCore({
    tally: new ServerTally(builds),
    source,
    limits,
    cache,
    onError,
    metrics,
    authorize,
    challenge,
    onEvent: (event) => {
      tell(server, event, plan);
    },
    readiness: new Readiness(source, readiness),
    idle: (withinMs) => source.idle(withinMs),
    ...parts,
  });
  return server;
}

function tell(server: SyncServer, event: ServerEvent, { logger, audit, onError }: ServerPlan): void {
  if (EVENTS.hasSubscribers) EVENTS.publish({ server, event });
  if (logger !== null)
    guarded(onError, () => {
      logServerEvent(logger, event);
    });
  if (audit === null || event.type !== 'answered' || event.heights === null) return;
  const entry = entryOf(event, event.heights);
  guarded(onError, () => {
    audit(entry);
  });
}

/** Runs code of the host's. What it throws would else end the answer that is told of, and keep its place. */
function guarded(onError: (error: unknown) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    onError(error);
  }
}

function entryOf(
  { principal, client, way, bytes, durationMs }: AnswerEvent,
  heights: BlockRange,
): AuditEntry {
  const at = new Date(Date.now() - durationMs).toISOString();
  return { at, principal, client, way, ...heights, bytes };
}

/** The same settings, with builds counted. */
function counted(settings: SnapshotSettings, builds: Counts): SnapshotSettings {
  return {
    ...settings,
    onEvent: (event) => {
      if (event.kind === 'finished' || event.kind === 'failed' || event.kind === 'skipped')
        builds.add(event.kind);
      settings.onEvent(event);
    },
  };
}
