import { SyncError } from '../errors/index.js';

/** Outputs up to this size may have any ratio: short repetitive documents are legitimate (protocol section 4). */
const FREE_EXPANSION_BYTES = 1024 * 1024;

/** Above {@link FREE_EXPANSION_BYTES}, most decoded bytes for each encoded one (protocol section 4). */
const MAX_EXPANSION_RATIO = 200;

/** Most bytes that `inputBytes` of encoded data may decode to: the caller's limit or what the ratio allows. */
export function outputLimit(inputBytes: number, maxOutputBytes: number): number {
  return Math.min(maxOutputBytes, Math.max(FREE_EXPANSION_BYTES, inputBytes * MAX_EXPANSION_RATIO));
}

/** The error for a decoder that was stopped at {@link outputLimit}. */
export function outputTooLarge(codec: string, inputBytes: number, maxOutputBytes: number): SyncError {
  const limit = outputLimit(inputBytes, maxOutputBytes);
  const why = limit < maxOutputBytes ? `the ratio limit of ${MAX_EXPANSION_RATIO}:1` : 'the limit given';
  return new SyncError(
    'CODEC_OUTPUT_TOO_LARGE',
    `${inputBytes} bytes of ${codec} decode to more than ${limit} bytes, ${why}.`,
  );
}
