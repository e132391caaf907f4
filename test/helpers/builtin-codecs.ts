import test, { type ExecutionContext } from 'ava';
import type { Codec } from '../../src/contracts/index.js';
import { isAvailable } from '../../src/di/available.js';
import * as plugins from '../../src/di/codecs.js';
import { CODEC_NAMES, CODECS, type CodecName } from '../../src/internal/codecs.js';

/** Whether this runtime has what a built-in codec needs. */
export function isHere(codec: CodecName): boolean {
  return isAvailable(plugins[codec]());
}

/** HTTP's names of the built-in codecs that can run here, best first. */
export const encodingsHere: readonly string[] = CODEC_NAMES.filter(isHere).flatMap(
  (name) => CODECS[name].contentEncoding ?? [],
);

/** The codec that HTTP has a name for. */
export function codecOf(encoding: string): Codec {
  const name = CODEC_NAMES.find((each) => CODECS[each].contentEncoding === encoding);
  if (name === undefined) throw new Error(`no codec has the content encoding ${encoding}`);
  return plugins[name]().create();
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
