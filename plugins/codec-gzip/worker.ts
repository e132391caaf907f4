import type { Codec } from '../../src/contracts/index.js';
import { gzip, type GzipOptions } from './index.js';

/** Makes the codec on a worker thread; the options are those that the plugin states. */
export function createCodec(options: GzipOptions): Codec {
  return gzip(options).create();
}
