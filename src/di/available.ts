import type { CodecPlugin } from '../contracts/index.js';
import { isSyncError } from '../errors/index.js';
import { SNAPSHOT_CODECS } from '../internal/codecs.js';
import type { PluginResolver } from './resolve.js';

/**
 * The codecs that are needed, and behind them those of the others that this runtime has what they need for.
 *
 * @throws SyncError `PLUGIN_UNKNOWN`
 */
export async function resolveCodecs(
  resolver: PluginResolver,
  needed: readonly string[],
  others: readonly string[],
): Promise<readonly CodecPlugin[]> {
  const names = [...new Set([...needed, ...others])];
  const plugins = await Promise.all(names.map((name) => resolver.codec(name)));
  return plugins.filter((plugin) => needed.includes(plugin.name) || isAvailable(plugin));
}

/** Which of some codecs snapshots are taken in, best first. */
export function snapshotCodecsOf(plugins: readonly CodecPlugin[]): readonly string[] {
  return SNAPSHOT_CODECS.filter((id) => plugins.some(({ name }) => name === id));
}

/** Whether this runtime has what a codec needs; one that was not asked for by name may be missing. */
export function isAvailable(plugin: CodecPlugin): boolean {
  try {
    plugin.create();
    return true;
  } catch (error) {
    if (isSyncError(error, 'CODEC_UNAVAILABLE')) return false;
    throw error;
  }
}
