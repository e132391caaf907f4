import type { CodecPlugin } from '../contracts/index.js';
import { isSyncError } from '../errors/index.js';

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
