import { isSyncError, SyncError } from '../../errors/index.js';
import { decodeTileBytes } from '../../tiles/body.js';
import { maxBodyBytes } from '../../tiles/entry.js';
import type { Folder } from './folder.js';
import type { Piece } from './pieces.js';

/** A piece in the folder. */
export interface Written {
  /** Length of the file, which may be of another encoder than this node's. */
  readonly bytes: number;
  readonly isNew: boolean;
}

/**
 * Writes a piece where there is none, and else compares.
 *
 * @param knownBytes - length of a file that an earlier run has compared and that needs no more than that; `null` for none.
 * @throws SyncError `PUBLISH_CONFLICT` for a file with other documents; `INPUT_UNREADABLE`, `STORE_*`
 */
export async function writeOnce(
  folder: Folder,
  path: string,
  piece: Piece,
  knownBytes: number | null,
): Promise<Written> {
  const size = await folder.size(path);
  if (size === null) {
    const body = await piece.body();
    await folder.put(path, body);
    return { bytes: body.length, isNew: true };
  }
  if (size !== knownBytes) await compare(folder, path, piece, size);
  return { bytes: size, isNew: false };
}

async function compare(folder: Folder, path: string, piece: Piece, size: number): Promise<void> {
  const { documentBytes } = piece.entry;
  if (size > maxBodyBytes(documentBytes)) throw conflict(path);
  const there = await folder.read(path);
  const ours = await piece.body();
  if (there === null) throw conflict(path);
  if (there.equals(ours)) return;
  const [documents, wanted] = await Promise.all([
    documentsOf(there, documentBytes),
    decodeTileBytes(ours, documentBytes),
  ]);
  if (documents?.equals(wanted) !== true) throw conflict(path);
}

/** `null` for what is no body of such documents. */
async function documentsOf(body: Uint8Array, documentBytes: number): Promise<Buffer | null> {
  try {
    return await decodeTileBytes(body, documentBytes);
  } catch (error) {
    if (isSyncError(error)) return null;
    throw error;
  }
}

function conflict(path: string): SyncError {
  return new SyncError('PUBLISH_CONFLICT', `The file ${path} is there already, with other contents.`);
}
