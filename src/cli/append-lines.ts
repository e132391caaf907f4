import type { Frame } from '../contracts/index.js';
import { type BatchLimits, BatchWriter } from '../engine/batch-writer.js';
import type { Chain } from '../engine/chain.js';
import { nextHeight } from '../engine/links.js';
import type { Verifier } from '../engine/verifier.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { throwIfAborted } from '../internal/abort.js';
import type { Line } from './ndjson.js';

/** How lines are appended. */
export interface AppendOptions {
  /** Longest line that `readLines` hands out, for the message. */
  readonly maxBlockBytes: number;
  readonly batch: BatchLimits;
  /** Runs after each durable batch. */
  onCommit(frames: readonly Frame[]): void;
  /** Decides about a refused document: throws to stop, returns to go on with the next line. */
  onRefused(error: SyncError): void;
  readonly signal: AbortSignal;
}

/**
 * Verifies lines and appends them to a chain, while the next ones are read. When it ends, in whichever way, everything
 * that was verified before is durable.
 *
 * @throws SyncError
 */
export async function appendLines(
  chain: Chain,
  lines: AsyncIterable<readonly Line[]>,
  options: AppendOptions,
): Promise<void> {
  const verifier = chain.verifier();
  const { signal } = options;
  const onDurable = (frames: readonly Frame[]): void => {
    options.onCommit(frames);
  };
  const writer = new BatchWriter((frames) => chain.commit(frames, { onDurable, signal }), options.batch);
  try {
    for await (const batch of lines) await pushLines(batch, verifier, writer, options);
  } finally {
    await writer.flush();
  }
}

async function pushLines(
  lines: readonly Line[],
  verifier: Verifier,
  writer: BatchWriter,
  options: AppendOptions,
): Promise<void> {
  const frames: Frame[] = [];
  try {
    for (const line of lines) {
      throwIfAborted(options.signal);
      const frame = verified(line, verifier, options);
      if (frame !== null) frames.push(frame);
    }
  } finally {
    await writer.push(frames);
  }
}

function verified(line: Line, verifier: Verifier, options: AppendOptions): Frame | null {
  try {
    return verifier.document(documentOf(line, verifier, options.maxBlockBytes));
  } catch (error) {
    if (!isSyncError(error)) throw error;
    options.onRefused(error);
    return null;
  }
}

function documentOf(line: Line, verifier: Verifier, maxBlockBytes: number): Uint8Array {
  if (line !== null) return line;
  const message = `The line has more than the ${maxBlockBytes} bytes that a block may have.`;
  throw new SyncError('BLOCK_TOO_LARGE', message, { height: nextHeight(verifier.place) });
}
