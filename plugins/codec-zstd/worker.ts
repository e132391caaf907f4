import type { Codec } from '../../src/contracts/index.js';
import { zstdCodec } from './codec.js';

/** Makes the codec on a worker thread; the options are those that the plugin states. */
export function createCodec({ level }: { readonly level: number }): Codec {
  return zstdCodec(level);
}
