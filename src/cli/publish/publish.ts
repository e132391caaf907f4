import type { Chain } from '../../chain/chain.js';
import type { BlockRef, TileEntry } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { asObject } from '../../internal/http/shape.js';
import { chainMembers } from '../../server/status.js';
import { entryMembers } from '../../tiles/entry.js';
import { tailFileName, tileNameOf } from '../../tiles/name.js';
import type { Folder } from './folder.js';
import { Pages, TILES_FOLDER } from './pages.js';
import { type Piece, type Published, piecesOf } from './pieces.js';
import type { Form } from './form.js';
import { type Written, writePiece } from './write-once.js';

const STATUS = 'status';
/** A tail in any codec; what it is without that. */
const TAIL = /^(tail-.*\.ndjson)\.[a-z0-9]+$/;

/** Tails that are kept beside the one that is named: a client may have read the status a while ago. */
const KEPT_TAILS = 2;

/** What was published. */
export interface Publication {
  /** First height; `null` when nothing is settled. */
  readonly from: number | null;
  /** The newest block; `null` likewise. */
  readonly head: BlockRef | null;
  readonly tiles: number;
  /** The blocks behind the last tile; `null` for none. */
  readonly tail: TileEntry | null;
  /** Tiles, and a tail, that were not there before. */
  readonly newFiles: number;
  readonly newBytes: number;
}

/** How a chain is published. */
export interface PublishOrder {
  /** What tiles and the tail are written in besides gzip. */
  readonly forms: readonly Form[];
  /** Runs after each piece. */
  readonly onPiece: (piece: Piece) => void;
}

/**
 * Writes the settled blocks of a chain into a folder: tiles, then the index of each page, then the tail, and the status
 * when all is there that it names. What is there already is compared.
 *
 * @throws SyncError `PUBLISH_CONFLICT`, `CHAIN_MISMATCH`, `INPUT_UNREADABLE`, `STORE_*`, `ABORTED`
 */
export async function publish(
  published: Published<Chain>,
  folder: Folder,
  { forms, onPiece }: PublishOrder,
): Promise<Publication> {
  const before = await folder.read(STATUS);
  if (before !== null) checkChain(before.toString(), published.chain);
  const pages = new Pages(folder, forms);
  let done: Publication = { from: null, head: null, tiles: 0, tail: null, newFiles: 0, newBytes: 0 };
  for await (const piece of piecesOf(published)) {
    throwIfAborted(published.signal);
    if (piece.kind === 'tail') await pages.finish();
    const written = await (piece.kind === 'tile' ? pages.add(piece) : writeTail(folder, piece, forms));
    done = counted(done, piece, written);
    onPiece(piece);
  }
  await pages.finish();
  const status = statusOf(published.chain, done);
  if (before?.toString() !== status) await folder.put(STATUS, status);
  await removeTails(folder, done.tail);
  return done;
}

function writeTail(folder: Folder, piece: Piece, forms: readonly Form[]): Promise<Written> {
  const pathIn = (codec: string): string => `${TILES_FOLDER}/${tailFileName(tileNameOf(piece.entry), codec)}`;
  return writePiece(folder, piece, { forms, known: null, pathIn });
}

function counted(done: Publication, { kind }: Piece, { entry, newFiles, newBytes }: Written): Publication {
  return {
    from: done.from ?? entry.from,
    head: { height: entry.to, hash: entry.hash },
    tiles: done.tiles + (kind === 'tile' ? 1 : 0),
    tail: kind === 'tail' ? entry : null,
    newFiles: done.newFiles + newFiles,
    newBytes: done.newBytes + newBytes,
  };
}

async function removeTails(folder: Folder, tail: TileEntry | null): Promise<void> {
  const named = tail === null ? null : tailOf(tailFileName(tileNameOf(tail)));
  const files = (await folder.list(TILES_FOLDER)).flatMap(({ name }) => {
    const of = tailOf(name);
    return of === null || of === named ? [] : [{ name, of }];
  });
  const kept = [...new Set(files.map(({ of }) => of))].slice(0, KEPT_TAILS);
  const gone = files.filter(({ of }) => !kept.includes(of));
  for (const { name } of gone) await folder.remove(`${TILES_FOLDER}/${name}`);
}

/** The tail that a file has; `null` for what is none. */
function tailOf(name: string): string | null {
  return TAIL.exec(name)?.[1] ?? null;
}

/** @throws SyncError `CHAIN_MISMATCH` for the status document of another chain */
function checkChain(status: string, chain: Chain): void {
  const { chain: rules, chainId = null } = readMembers(status);
  if (rules === chain.chain && (chainId === null || chainId === chain.chainId())) return;
  throw new SyncError('CHAIN_MISMATCH', 'Something else than this chain is published in this directory.');
}

function readMembers(status: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(status)) ?? {};
  } catch {
    return {};
  }
}

/** The status document of a server that has the blocks that are published, and nothing but tiles (protocol section 2.6). */
function statusOf(chain: Chain, { from, head, tail }: Publication): string {
  const { base, confirmed, finalized } = chain.tip();
  const tip = {
    base: from ?? base,
    head,
    confirmed: notAbove(confirmed, head),
    finalized: notAbove(finalized, head),
  };
  const source = { chain: chain.chain, chainId: () => chain.chainId(), tip: () => tip };
  const to = tail === null ? head?.height : tail.from - 1;
  const status = {
    ...chainMembers(source),
    codecs: { stream: [], json: [], snapshot: [], frames: [] },
    storedAs: null,
    tiles: from === null ? null : { from, to, tail: tail === null ? null : entryMembers(tail) },
    limits: {},
    snapshots: [],
    signers: [],
  };
  return `${JSON.stringify(status)}\n`;
}

function notAbove(ref: BlockRef | null, head: BlockRef | null): BlockRef | null {
  return ref === null || head === null || ref.height <= head.height ? ref : head;
}
