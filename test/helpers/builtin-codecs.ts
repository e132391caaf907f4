import test, { type ExecutionContext } from 'ava';
import { isAvailable } from '../../src/di/available.js';
import * as plugins from '../../src/di/codecs.js';
import type { CodecName } from '../../src/internal/codecs.js';

/** Whether this runtime has what a built-in codec needs. */
export function isHere(codec: CodecName): boolean {
  return isAvailable(plugins[codec]());
}

/** Registers a test of a built-in codec, which is skipped where the codec can't run. */
export function withCodec(
  codec: CodecName,
  title: string,
  run: (t: ExecutionContext) => Promise<void>,
): void {
  if (isHere(codec)) test(title, run);
  else test.skip(`${title} (skipped: Node ${process.versions.node} has no ${codec})`, run);
}
