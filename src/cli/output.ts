import { createWriteStream, realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SyncError } from '../errors/index.js';
import { abortError } from '../internal/abort.js';

/** Lines are written in pieces of about this size: a system call for each small block would take most of the time. */
const PIECE_BYTES = 256 * 1024;

const LF = Buffer.from('\n');

/**
 * Writes documents as lines to a file or, for `null`, to standard output, as fast as they are taken.
 *
 * A file appears under its name when it is complete and on disk, or not at all. A reader of standard output that goes
 * away ends the writing without an error.
 *
 * @throws SyncError `INPUT_UNREADABLE` when writing fails; `ABORTED`; what `documents` throws.
 */
export async function writeLines(
  documents: AsyncIterable<Uint8Array>,
  file: string | null,
  signal: AbortSignal,
): Promise<void> {
  if (file === null) await writeStdout(documents, signal);
  else await writeFile(documents, file, signal);
}

async function writeStdout(documents: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  try {
    await pipe(documents, process.stdout, 'standard output', signal);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}

async function writeFile(
  documents: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile()) {
    await pipe(documents, createWriteStream(path), path, signal);
    return;
  }
  const target = stat === undefined ? path : realpathSync(path);
  const temporary = `${target}.${process.pid}.part`;
  try {
    await pipe(documents, createWriteStream(temporary, { flags: 'wx', flush: true }), path, signal);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function pipe(
  documents: AsyncIterable<Uint8Array>,
  stream: Writable,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const source: { failure: { readonly error: unknown } | null } = { failure: null };
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* inPieces(documents);
    } catch (error) {
      source.failure = { error };
      throw error;
    }
  }
  try {
    await pipeline(pieces, stream, { signal, end: stream !== process.stdout });
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw source.failure === null ? unwritable(name, error) : source.failure.error;
  }
}

async function* inPieces(documents: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const document of documents) {
    parts.push(document, LF);
    bytes += document.byteLength + 1;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts);
}

function unwritable(name: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('INPUT_UNREADABLE', `Writing ${name} failed: ${reason}.`, { cause });
}

function isBrokenPipe(error: unknown): boolean {
  const cause = error instanceof SyncError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EPIPE';
}
