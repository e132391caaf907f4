/** Folder of all snapshots where a chain is published as files (protocol section 2.6.1). */
export const SNAPSHOTS_FOLDER = 'snapshots';

/** Bytes of a snapshot's body whose parts share a file. A constant: every client derives the files from the manifest. */
const FILE_SPAN_BYTES = 8 * 1024 * 1024;

const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a text may be the id of a snapshot; it is also the name of a directory. */
export function isSnapshotId(text: string): boolean {
  return ID.test(text);
}

/** Path of a snapshot's manifest, below the address of the chain. */
export function manifestPathOf(id: string): string {
  return `${SNAPSHOTS_FOLDER}/${id}/manifest.json`;
}

/** Path of a file of a snapshot's body. */
export function bodyPathOf(id: string, number: number): string {
  return `${SNAPSHOTS_FOLDER}/${id}/${String(number).padStart(8, '0')}.part`;
}

/** A file of a snapshot's body: whole parts, one behind the other. */
export interface BodyFile<P> {
  readonly number: number;
  /** Where it begins in the body. */
  readonly offset: number;
  readonly bytes: number;
  readonly parts: readonly P[];
}

/** Where a part is in a body. */
interface Span {
  readonly offset: number;
  readonly length: number;
}

/** The number of the file that a part is in. */
export function fileNumberOf({ offset }: Pick<Span, 'offset'>): number {
  return Math.floor(offset / FILE_SPAN_BYTES);
}

/**
 * The file that a part is in.
 *
 * @param parts - all of the snapshot, in order
 */
export function fileOf<P extends Span>(parts: readonly P[], number: number): BodyFile<P> {
  const first = firstFrom(parts, number * FILE_SPAN_BYTES);
  const behind = firstFrom(parts, (number + 1) * FILE_SPAN_BYTES);
  const own = parts.slice(first, behind);
  const bytes = own.reduce((sum, { length }) => sum + length, 0);
  return { number, offset: own[0]?.offset ?? 0, bytes, parts: own };
}

/** All files of a body, in order. A part may be longer than a file's share: then numbers are passed over. */
export function* filesOf<P extends Span>(parts: readonly P[]): Generator<BodyFile<P>, void, undefined> {
  for (let at = 0; at < parts.length;) {
    const part = parts[at];
    if (part === undefined) return;
    const file = fileOf(parts, fileNumberOf(part));
    yield file;
    at += file.parts.length;
  }
}

/** Index of the first part that begins at an offset or behind it; their number when there is none. */
function firstFrom(parts: readonly Span[], offset: number): number {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((parts[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
