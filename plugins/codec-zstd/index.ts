import { PLUGIN_API_VERSION, type CodecPlugin } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { readOptions } from '../../src/internal/options/index.js';
import { zstdCodec } from './codec.js';
import { ZSTD_OPTIONS, type ZstdOptions } from './options.js';

export { zstdSupported } from './engine.js';
export type { ZstdOptions } from './options.js';

/**
 * Registers the codec `zstd` (RFC 8878), which Node has from 22.15 and 23.8 on; elsewhere its `create` throws
 * `CODEC_UNAVAILABLE`. Decoding takes exactly one frame without a dictionary and with a window of 8 MiB at most, and
 * makes no more than it is allowed. Encoding adds the checksum that the format leaves open.
 *
 * @throws TypeError for a level out of bounds, and for an option that there isn't.
 */
export function zstd(options: ZstdOptions = {}): CodecPlugin {
  const { level } = readOptions('zstd', options, ZSTD_OPTIONS);
  return {
    kind: 'codec',
    name: 'zstd',
    apiVersion: PLUGIN_API_VERSION,
    create: () => zstdCodec(level),
    worker: { module: ownModule('plugins/codec-zstd/worker.js'), options: { level } },
  };
}
