import { createHash } from 'node:crypto';
import type { Chain } from '../../chain/chain.js';
import type { Frame, Tile, TileEntry } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { encodeTileBody, isTileCodec, type TileBlock } from '../../tiles/body.js';
import { firstCut, TileCutter } from '../../tiles/cut.js';
import { PAGE_HEIGHTS } from '../../tiles/name.js';

/** A piece of a chain as it is published: a tile, or the blocks behind the last one, which decide none. */
export interface Piece {
  readonly kind: 'tile' | 'tail';
  /** `bytes` are those of the body as this store has it, or makes it. */
  readonly entry: TileEntry;
  body(): Promise<Uint8Array>;
}

/** What is read of a chain. */
type ReadChain = Pick<Chain, 'tip' | 'tiles' | 'read' | 'decode'>;

/** What is published of a chain. */
export interface Published<C extends ReadChain = ReadChain> {
  readonly chain: C;
  /** Newest height that is published; −1 for none. */
  readonly settled: number;
  /** Whether the hashes of the chain leave bytes of the documents open, so that a piece needs a digest of its own. */
  readonly isDigested: boolean;
  readonly signal: AbortSignal;
}

/**
 * All settled blocks in pieces, in order. Tiles of the store are taken as they are; where it could not make one, it is
 * made here.
 *
 * @param from - height that a tile begins at; by default the first one does
 */
export async function* piecesOf(
  published: Published,
  from: number = firstCut(published.chain.tip().base),
): AsyncGenerator<Piece, void, undefined> {
  const { chain, settled } = published;
  let next = from;
  while (next <= settled) {
    const before = next;
    for await (const piece of storedFrom(chain, next)) {
      yield piece;
      next = piece.entry.to + 1;
    }
    if (next > before) continue;
    for await (const piece of madeFrom(published, next)) {
      yield piece;
      next = piece.entry.to + 1;
      if ((await chain.tiles?.at(next))?.from === next) break;
    }
    if (next === before) return;
  }
}

async function* storedFrom(chain: ReadChain, from: number): AsyncGenerator<Piece, void, undefined> {
  let next = from;
  for (const tile of (await chain.tiles?.list({ from, to: from + PAGE_HEIGHTS - 1 })) ?? []) {
    if (tile.from !== next) return;
    yield { kind: 'tile', entry: tile, body: () => storedBody(chain, tile) };
    next = tile.to + 1;
  }
}

async function storedBody(chain: ReadChain, tile: Tile): Promise<Uint8Array> {
  const body = (await chain.tiles?.body(tile)) ?? null;
  if (body !== null) return body;
  const { from, to } = tile;
  throw new SyncError('STORE_DAMAGED', `The store has no body of its tile ${from}–${to}.`, { height: from });
}

/** Cuts blocks that are in no tile of the store. */
async function* madeFrom(published: Published, from: number): AsyncGenerator<Piece, void, undefined> {
  const { chain, settled, signal } = published;
  const { base } = chain.tip();
  const cutter = from === firstCut(base) ? new TileCutter(base) : new TileCutter(base, from);
  let frames: Frame[] = [];
  for await (const batch of chain.read({ from, to: settled }, { signal })) {
    for (const frame of batch) {
      frames.push(frame);
      for (const cut of cutter.push(frame.header.height, frame.documentBytes)) {
        const blocks = cut.to - cut.from + 1;
        yield await pieceOf('tile', frames.slice(0, blocks), published);
        frames = frames.slice(blocks);
      }
    }
  }
  if (frames.length > 0) yield await pieceOf('tail', frames, published);
}

async function pieceOf(
  kind: Piece['kind'],
  frames: readonly Frame[],
  { chain, isDigested }: Published,
): Promise<Piece> {
  const blocks = frames.map((frame) => blockOf(frame, chain));
  const { parts } = await encodeTileBody(blocks);
  const body = Buffer.concat(parts);
  const last = frames.at(-1)?.header;
  const entry = {
    from: frames[0]?.header.height ?? 0,
    to: last?.height ?? 0,
    hash: last?.hash ?? '',
    documentBytes: frames.reduce((sum, { documentBytes }) => sum + documentBytes + 1, 0),
    bytes: body.length,
    digest: isDigested ? digestOf(frames, chain) : null,
  };
  return { kind, entry, body: () => Promise.resolve(body) };
}

function blockOf(frame: Frame, chain: ReadChain): TileBlock {
  if (isTileCodec(frame.codec)) return frame;
  const { bytes } = chain.decode(frame);
  return { codec: 'identity', bytes, documentBytes: bytes.length };
}

function digestOf(frames: readonly Frame[], chain: ReadChain): string {
  const hash = createHash('sha256');
  for (const frame of frames) hash.update(chain.decode(frame).bytes).update('\n');
  return hash.digest('hex');
}
