import type { SnapshotArchive } from '../../../plugins/transport-snapshot/server/index.js';
import type { Chain } from '../../chain/chain.js';
import type { BlockRef, TileEntry } from '../../contracts/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { PAGE_HEIGHTS, tailFileName, tileNameOf } from '../../tiles/name.js';
import type { Form } from './form.js';
import { Pages, TILES_FOLDER } from './pages.js';
import { type Piece, type Published, piecesOf } from './pieces.js';
import { removeSnapshots, removeTails } from './remove-old.js';
import {
  keptSnapshots,
  type PublishedSnapshot,
  type WaitingSnapshot,
  type WrittenSnapshots,
  writeSnapshots,
} from './snapshots.js';
import { type EarlierSnapshots, readStatus, STATUS, statusText } from './status-file.js';
import type { PublishTarget } from './target.js';
import { type Written, writePiece } from './write-once.js';

/** What was published. */
export interface Publication {
  /** First height; `null` when nothing is settled. */
  readonly from: number | null;
  /** The newest block; `null` when nothing is settled. */
  readonly head: BlockRef | null;
  readonly tiles: number;
  /** The blocks behind the last tile; `null` for none. */
  readonly tail: TileEntry | null;
  /** Those that the status names: of each type and codec the newest, and the one before. */
  readonly snapshots: readonly PublishedSnapshot[];
  /** Those that are not published before their last blocks are settled. */
  readonly waiting: readonly WaitingSnapshot[];
  /** Files of tiles, a tail and snapshots that were not there before. */
  readonly newFiles: number;
  readonly newBytes: number;
}

/** The pages that a run found, or made, complete: the next run of the same process need not look at them. */
export interface CompletePages {
  /** First height of the chain. */
  readonly from: number;
  readonly tiles: number;
  /** Last block of the last page. */
  readonly head: BlockRef;
}

/** How a chain is published. */
export interface PublishOrder {
  /** What tiles and the tail are written in besides gzip. */
  readonly forms: readonly Form[];
  /** Whose snapshots are published as well; `null` for none. */
  readonly archive: SnapshotArchive | null;
  /** Pages to pass over; `null` for none. */
  readonly complete: CompletePages | null;
  /** Runs after each piece. */
  readonly onPiece: (piece: Piece) => void;
  /** Runs after each page that is complete. */
  readonly onPage: (complete: CompletePages) => void;
}

const NOTHING: Publication = {
  from: null,
  head: null,
  tiles: 0,
  tail: null,
  snapshots: [],
  waiting: [],
  newFiles: 0,
  newBytes: 0,
};

/**
 * Writes the settled blocks of a chain: tiles, then the index of each page, then the tail and snapshots, and the status when
 * all is there that it names. What is there already is compared.
 *
 * @throws SyncError `PUBLISH_CONFLICT`, `CHAIN_MISMATCH`, `INPUT_UNREADABLE`, `PUBLISH_FAILED`, `SNAPSHOT_CORRUPT`,
 *   `STORE_*`, `ABORTED`
 */
export async function publish(
  published: Published<Chain>,
  target: PublishTarget,
  order: PublishOrder,
): Promise<Publication> {
  const { chain } = published;
  await target.refresh();
  const before = await target.read(STATUS);
  const earlier = before === null ? { snapshots: [], signers: [] } : readStatus(before.toString(), chain);
  const blocks = await writeBlocks(published, target, order);
  const snapshots = await writeAllSnapshots(published, target, order, blocks.head);
  const contents = { ...blocks, ...named(snapshots, earlier) };
  const status = statusText(chain, contents);
  if (before?.toString() !== status) await target.put(STATUS, status);
  await removeTails(target, blocks.tail);
  await removeSnapshots(target, contents.snapshots, chain);
  return {
    ...blocks,
    snapshots: contents.snapshots,
    waiting: snapshots?.waiting ?? [],
    newFiles: blocks.newFiles + (snapshots?.newFiles ?? 0),
    newBytes: blocks.newBytes + (snapshots?.newBytes ?? 0),
  };
}

async function writeBlocks(
  published: Published<Chain>,
  target: PublishTarget,
  { forms, complete, onPiece, onPage }: PublishOrder,
): Promise<Publication> {
  const pages = new Pages(target, forms);
  let done: Publication = complete === null ? NOTHING : { ...NOTHING, ...complete };
  const pieces = complete === null ? piecesOf(published) : piecesOf(published, complete.head.height + 1);
  for await (const piece of pieces) {
    throwIfAborted(published.signal);
    if (piece.kind === 'tail') await pages.finish();
    const written = await (piece.kind === 'tile' ? pages.add(piece) : writeTail(target, piece, forms));
    done = counted(done, piece, written);
    onPiece(piece);
    const { from, head, tiles } = done;
    if (from === null || head === null || piece.kind === 'tail' || (head.height + 1) % PAGE_HEIGHTS !== 0)
      continue;
    await pages.finish();
    onPage({ from, head, tiles });
  }
  await pages.finish();
  return done;
}

function writeTail(target: PublishTarget, piece: Piece, forms: readonly Form[]): Promise<Written> {
  const pathIn = (codec: string): string => `${TILES_FOLDER}/${tailFileName(tileNameOf(piece.entry), codec)}`;
  return writePiece(target, piece, { forms, known: null, pathIn });
}

function counted(done: Publication, { kind }: Piece, { entry, newFiles, newBytes }: Written): Publication {
  return {
    ...done,
    from: done.from ?? entry.from,
    head: { height: entry.to, hash: entry.hash },
    tiles: done.tiles + (kind === 'tile' ? 1 : 0),
    tail: kind === 'tail' ? entry : null,
    newFiles: done.newFiles + newFiles,
    newBytes: done.newBytes + newBytes,
  };
}

async function writeAllSnapshots(
  { chain, signal }: Published<Chain>,
  target: PublishTarget,
  { archive }: PublishOrder,
  head: BlockRef | null,
): Promise<WrittenSnapshots | null> {
  if (archive === null) return null;
  return writeSnapshots(target, { archive, chain, head, signal });
}

/** What the status names: a run that has no snapshots leaves those that are there. */
function named(now: WrittenSnapshots | null, earlier: EarlierSnapshots): EarlierSnapshots {
  const written = now?.snapshots ?? [];
  return {
    snapshots: keptSnapshots(written, earlier.snapshots),
    signers: written.length === 0 ? earlier.signers : (now?.signers ?? []),
  };
}
