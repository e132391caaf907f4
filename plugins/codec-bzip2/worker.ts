import type { Codec } from '../../src/contracts/index.js';
import { bzip2Codec, type Bzip2Settings } from './codec.js';

/** Makes the codec on a worker thread; the options are those that the plugin states. */
export function createCodec(options: Bzip2Settings): Codec {
  return bzip2Codec(options);
}
