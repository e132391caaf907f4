import type { CodecWorkers } from '../contracts/index.js';
import { CODEC_NAMES } from '../internal/codecs.js';
import { createCodecWorkers } from '../workers/index.js';
import { resolveCodecs, snapshotCodecsOf } from './available.js';
import { PluginResolver } from './resolve.js';

/** Codec work on threads, and what snapshots can be taken in with it. */
export interface AssembledWorkers {
  readonly workers: CodecWorkers;
  /** Codecs of snapshots that there are in this runtime, best first. */
  readonly snapshotCodecs: readonly string[];
}

/**
 * Codec work on threads with the built-in codecs.
 *
 * @param needed - codecs that have to be there; others may be missing in this runtime.
 * @throws SyncError `CODEC_UNAVAILABLE`, `PLUGIN_UNKNOWN`
 */
export async function assembleWorkers(needed: readonly string[]): Promise<AssembledWorkers> {
  const plugins = await resolveCodecs(new PluginResolver([]), needed, CODEC_NAMES);
  return { workers: createCodecWorkers(plugins), snapshotCodecs: snapshotCodecsOf(plugins) };
}
