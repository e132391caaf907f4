import type { Codec } from '../../src/contracts/index.js';
import { identity } from './index.js';

/** Makes the codec on a worker thread. */
export function createCodec(): Codec {
  return identity().create();
}
