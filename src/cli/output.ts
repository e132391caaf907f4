import { createWriteStream, realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isSyncError, SyncError } from '../errors/index.js';
import { abortError } from '../internal/abort.js';

/** Lines are written in pieces of about this size: a system call for each small block would take most of the time. */
const PIECE_BYTES = 256 * 1024;

const LF = Buffer.from('\n');

/** Documents that are written in one go. */
type Documents = AsyncIterable<readonly Uint8Array[]>;

/**
 * Writes documents as lines to a file or, for `null`, to standard output, as fast as they are taken; each array as soon
 * as it comes.
 *
 * A file appears under its name when it is complete and on disk, or not at all. A reader of standard output that goes
 * away ends the writing without an error.
 *
 * @throws SyncError `INPUT_UNREADABLE` when writing fails; `ABORTED`; what `documents` throws.
 */
export async function writeLines(
  documents: Documents,
  file: string | null,
  signal: AbortSignal,
): Promise<void> {
  if (file === null) await writeStdout(documents, signal);
  else await writeFile(documents, file, signal);
}

async function writeStdout(documents: Documents, signal: AbortSignal): Promise<void> {
  try {
    await pipe(documents, process.stdout, 'standard output', signal);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}

async function writeFile(documents: Documents, path: string, signal: AbortSignal): Promise<void> {
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
  documents: Documents,
  stream: Writable,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const source: { failure: { readonly error: unknown } | null } = { failure: null };
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of documents) yield Buffer.concat(piece.flatMap((document) => [document, LF]));
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

/** Gathers documents into arrays of about 256 KiB. */
export async function* inPieces(
  documents: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let piece: Uint8Array[] = [];
  let bytes = 0;
  for await (const document of documents) {
    piece.push(document);
    bytes += document.byteLength;
    if (bytes < PIECE_BYTES) continue;
    yield piece;
    piece = [];
    bytes = 0;
  }
  if (piece.length > 0) yield piece;
}

function unwritable(name: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('INPUT_UNREADABLE', `Writing ${name} failed: ${reason}.`, { cause });
}

function isBrokenPipe(error: unknown): boolean {
  const cause = isSyncError(error) ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EPIPE';
}
