import { constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { SyncError } from '../errors/index.js';
import { abortError } from '../internal/abort.js';

/** An opened input. */
export interface Input {
  /** Size in bytes; `null` where it isn't known before the end. */
  readonly totalBytes: number | null;
  /** The bytes, once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

/** What an input is called in messages that is none of the files. */
export const STANDARD_INPUT = 'standard input';

/** The name of an input, for messages. */
export function inputName(path: string): string {
  return path === '-' ? STANDARD_INPUT : path;
}

/**
 * Opens a file, a FIFO or, for `-`, the standard input.
 *
 * @param chunkBytes - read at most so many bytes at once from a file.
 * @throws SyncError `INPUT_UNREADABLE`, also while reading; `ABORTED` when the signal fires.
 */
export function openInput(path: string, chunkBytes: number, signal: AbortSignal): Input {
  if (path === '-') return inputOf(process.stdin, null, inputName(path), signal);
  try {
    // Without O_NONBLOCK, opening a FIFO that nobody writes to occupies a thread that can't be called off.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    const stream = stat.isFIFO()
      ? new Socket({ fd, readable: true, writable: false })
      : createReadStream(path, { fd, highWaterMark: chunkBytes });
    return inputOf(stream, stat.isFile() ? stat.size : null, path, signal);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function inputOf(stream: Readable, totalBytes: number | null, path: string, signal: AbortSignal): Input {
  return { totalBytes, chunks: chunksOf(stream, path, signal), close: () => stream.destroy() };
}

async function* chunksOf(
  stream: Readable,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of addAbortSignal(signal, stream)) yield chunk as Uint8Array;
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('INPUT_UNREADABLE', `Reading ${path} failed: ${reason}.`, { cause });
}
