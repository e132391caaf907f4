import { engineSettings, passedPlugins, type SyncEngineConfig, transportLimits } from './config.js';
import { PluginResolver } from './di/resolve.js';
import { SyncEngine } from './engine/sync-engine.js';

/**
 * Makes an engine out of a configuration. Nothing is opened or asked for before `start`.
 *
 * @throws TypeError for a configuration that can't be meant.
 * @throws SyncError `PLUGIN_INCOMPATIBLE`
 */
export function createSyncEngine(config: SyncEngineConfig): SyncEngine {
  const settings = engineSettings(config);
  transportLimits(config.limits ?? {});
  new PluginResolver(passedPlugins(config));
  return new SyncEngine(
    settings,
    // The container is loaded by the first start: a host that only imports the package does not pay for it.
    async () => (await import('./di/assemble.js')).assembleEngine(config),
    () => performance.now(),
  );
}
