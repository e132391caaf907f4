import { BlockPacker } from '../../plugins/transport-sse/server/format.js';
import type { Frame } from '../../src/contracts/index.js';

/** One `block` event as the server writes it. */
export function formatBlockEvent(frame: Pick<Frame, 'header' | 'codec' | 'bytes'>): Buffer {
  const packer = new BlockPacker();
  return Buffer.concat([...packer.add(frame), ...packer.rest()]);
}
