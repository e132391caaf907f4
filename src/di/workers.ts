import type { CodecWorkers } from '../contracts/index.js';
import { createCodecWorkers } from '../workers/index.js';
import { isAvailable } from './available.js';
import { PluginResolver } from './resolve.js';

/** Codecs that frames and snapshots may be in. */
const CODECS: readonly string[] = ['gzip', 'identity', 'bzip2', 'zstd'];

/**
 * Codec work on threads with the built-in codecs.
 *
 * @param needed - codecs that have to be there; others may be missing in this runtime.
 * @throws SyncError `CODEC_UNAVAILABLE`, `PLUGIN_UNKNOWN`
 */
export async function assembleWorkers(needed: readonly string[]): Promise<CodecWorkers> {
  const resolver = new PluginResolver([]);
  const names = new Set([...needed, ...CODECS]);
  const plugins = await Promise.all([...names].map((name) => resolver.codec(name)));
  return createCodecWorkers(plugins.filter((plugin) => needed.includes(plugin.name) || isAvailable(plugin)));
}
