import { PLUGIN_API_VERSION, type CodecPlugin } from '../../src/contracts/index.js';
import { zstdCodec } from './codec.js';

export { zstdSupported } from './engine.js';

/** Options of {@link zstd}. */
export interface ZstdOptions {
  /** Compression level, 1 (fastest) to 22 (smallest). Default 3. */
  readonly level?: number;
}

/**
 * Registers the codec `zstd` (RFC 8878), which Node has from 22.15 and 23.8 on; elsewhere its `create` throws
 * `CODEC_UNAVAILABLE`. Decoding takes exactly one frame without a dictionary and with a window of 8 MiB at most, and
 * makes no more than it is allowed. Encoding adds the checksum that the format leaves open.
 *
 * @throws TypeError for a level that is not an integer from 1 to 22
 */
export function zstd(options: ZstdOptions = {}): CodecPlugin {
  const { level = 3 } = options;
  if (!Number.isInteger(level) || level < 1 || level > 22) {
    throw new TypeError(`zstd: level must be an integer from 1 to 22, not ${String(level)}.`);
  }
  return {
    kind: 'codec',
    name: 'zstd',
    apiVersion: PLUGIN_API_VERSION,
    create: () => zstdCodec(level),
    worker: { module: new URL('./worker.js', import.meta.url).href, options: { level } },
  };
}
