import type { BrowserEngineConfig } from '../config/browser-types.js';
import { browserPlan } from '../config/browser-plan.js';
import { logSyncEvent } from '../engine/events/log.js';
import { syncAsWriter } from '../engine/stand-by.js';
import { SyncEngine } from '../engine/sync-engine.js';
import { assembleEngine } from './assemble.js';

/**
 * Makes an engine for a browser, a worker of one, or another platform that is not Node. The configuration is read here and
 * never again. Nothing is opened or asked for before `start`.
 *
 * @throws TypeError which names the option, for a value that it can't have, an option that there isn't, and options
 *   that don't go together.
 * @throws SyncError `PLUGIN_INCOMPATIBLE`
 */
export function createSyncEngine(config: BrowserEngineConfig): SyncEngine {
  const plan = browserPlan(config);
  const { logger } = plan;
  return new SyncEngine(
    plan.settings,
    () => Promise.resolve({ sync: syncAsWriter, assemble: () => assembleEngine(plan) }),
    () => performance.now(),
    (event) => {
      if (logger !== null) logSyncEvent(logger, event);
    },
  );
}
