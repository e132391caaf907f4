import { channel } from 'node:diagnostics_channel';
import { type EnginePlan, enginePlan } from './config/engine-plan.js';
import type { SyncEngineConfig } from './config/types.js';
import { logSyncEvent } from './engine/events/log.js';
import { SyncEngine } from './engine/sync-engine.js';

/** Gets every event but blocks of every engine of the process, while somebody listens. */
const EVENTS = channel('blockferry:engine');

/**
 * Makes an engine out of a configuration, which is read here and never again. Nothing is opened or asked for before
 * `start`.
 *
 * @throws TypeError which names the option, for a value that it can't have, an option that there isn't, and options
 *   that don't go together.
 * @throws SyncError `PLUGIN_UNKNOWN`, `PLUGIN_INCOMPATIBLE`, `CODEC_UNAVAILABLE`
 */
export function createSyncEngine(config: SyncEngineConfig): SyncEngine {
  return engineOf(enginePlan(config));
}

/** Makes the engine of a plan. */
export function engineOf(plan: EnginePlan): SyncEngine {
  const { logger } = plan;
  const engine = new SyncEngine(
    plan.settings,
    // The container, and what a run consists of, is loaded by the first start: a host that only imports the package does
    // not pay for it.
    async () => {
      const [{ syncAsWriter }, { assembleEngine }] = await Promise.all([
        import('./engine/stand-by.js'),
        import('./di/assemble.js'),
      ]);
      return { sync: syncAsWriter, assemble: () => assembleEngine(plan) };
    },
    () => performance.now(),
    (event) => {
      if (EVENTS.hasSubscribers) EVENTS.publish({ engine, event });
      if (logger !== null) logSyncEvent(logger, event);
    },
  );
  return engine;
}
