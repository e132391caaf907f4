import { compareBytes } from '#platform/bytes';
import { isSyncError, SyncError } from '../../errors/index.js';
import type { TileEntry } from '../../contracts/index.js';
import { decodeTileBytes } from '../../tiles/body.js';
import { maxBodyBytes } from '../../tiles/entry.js';
import { type Form, GZIP_FORM } from './form.js';
import type { Piece } from './pieces.js';
import type { PublishTarget } from './target.js';

/** A piece where it is published. */
export interface Written {
  /** What the folder has of it: lengths of files, which may be of other encoders than this node's. */
  readonly entry: TileEntry;
  readonly newFiles: number;
  readonly newBytes: number;
}

/** A piece in one form. */
interface WrittenFile {
  readonly bytes: number;
  readonly isNew: boolean;
}

/** A place in the folder where a piece may be. */
interface Place {
  readonly path: string;
  /** Length of a file that an earlier run has compared and that needs no more than that; `null` for none. */
  readonly knownBytes: number | null;
}

/** How a piece is written. */
export interface PieceOrder {
  /** Besides gzip. */
  readonly forms: readonly Form[];
  /** What an earlier run has compared; `null` for nothing. */
  readonly known: TileEntry | null;
  /** Where the piece is in a codec. */
  readonly pathIn: (codec: string) => string;
}

/**
 * Writes a piece in all its forms.
 *
 * @throws SyncError `PUBLISH_CONFLICT` for a file with other documents; `INPUT_UNREADABLE`, `STORE_*`
 */
export async function writePiece(
  target: PublishTarget,
  piece: Piece,
  { pathIn, known, forms }: PieceOrder,
): Promise<Written> {
  const writeIn = (form: Form, knownBytes: number | undefined): Promise<WrittenFile> =>
    writeOnce(target, piece, form, { path: pathIn(form.codec), knownBytes: knownBytes ?? null });
  const first = await writeIn(GZIP_FORM, known?.bytes);
  const otherBytes: Record<string, number> = {};
  let newFiles = first.isNew ? 1 : 0;
  let newBytes = first.isNew ? first.bytes : 0;
  for (const form of forms) {
    const { bytes, isNew } = await writeIn(form, known?.otherBytes?.[form.codec]);
    otherBytes[form.codec] = bytes;
    newFiles += isNew ? 1 : 0;
    newBytes += isNew ? bytes : 0;
  }
  const { entry } = piece;
  const others = forms.length === 0 ? {} : { otherBytes };
  return { entry: { ...entry, bytes: first.bytes, ...others }, newFiles, newBytes };
}

/** Writes a file where there is none, and else compares. */
async function writeOnce(
  target: PublishTarget,
  piece: Piece,
  form: Form,
  { path, knownBytes }: Place,
): Promise<WrittenFile> {
  const size = await target.size(path);
  if (size === null) {
    const body = await form.encode(piece);
    await target.put(path, body);
    return { bytes: body.length, isNew: true };
  }
  if (size !== knownBytes) await compare(target, piece, form, { path, size });
  return { bytes: size, isNew: false };
}

async function compare(
  target: PublishTarget,
  piece: Piece,
  form: Form,
  { path, size }: { readonly path: string; readonly size: number },
): Promise<void> {
  const { documentBytes } = piece.entry;
  if (size > maxBodyBytes(documentBytes)) throw conflict(path);
  const ours = await piece.body();
  if (await target.isSame(path, ours)) return;
  const there = await target.read(path);
  if (there === null) throw conflict(path);
  const [documents, wanted] = await Promise.all([
    documentsOf(form, there, documentBytes),
    decodeTileBytes(ours, documentBytes),
  ]);
  if (documents === null || compareBytes(wanted, documents) !== 0) throw conflict(path);
}

/** `null` for what is no body of such documents. */
async function documentsOf(form: Form, body: Uint8Array, documentBytes: number): Promise<Uint8Array | null> {
  try {
    return await form.decode(body, documentBytes);
  } catch (error) {
    if (isSyncError(error)) return null;
    throw error;
  }
}

function conflict(path: string): SyncError {
  return new SyncError('PUBLISH_CONFLICT', `The file ${path} is there already, with other contents.`);
}
