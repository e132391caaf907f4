import { createHash } from 'node:crypto';
import type { Frame, TileEntry } from '../../src/contracts/index.js';
import type { Chain } from '../../src/index.js';
import { encodeTileBody } from '../../src/tiles/body.js';
import { type DecidedCut, MAX_TILE_BYTES, TileCutter } from '../../src/tiles/cut.js';

/** A tile as a server has it. */
export interface ServedTile {
  readonly entry: TileEntry;
  readonly body: Uint8Array;
}

/** A payload of block 0 that makes the blocks above it be cut into tiles of 1, 2, 4, 8 … blocks: it fills one alone. */
export const bulkyFirst = (height: number): object =>
  height === 0 ? { text: 'x'.repeat(MAX_TILE_BYTES) } : { text: 'small' };

/** The tiles that all blocks of a chain decide, whether they are settled or not. */
export async function tilesOf(
  chain: Chain,
  { isDigested = false }: { readonly isDigested?: boolean } = {},
): Promise<readonly ServedTile[]> {
  const { base, head } = chain.tip();
  if (head === null) return [];
  const cutter = new TileCutter(base);
  const cuts: DecidedCut[] = [];
  const frames: Frame[] = [];
  for await (const batch of chain.read({ from: base, to: head.height }))
    for (const frame of batch) {
      frames.push(frame);
      cuts.push(...cutter.push(frame.header.height, frame.documentBytes));
    }
  return Promise.all(
    cuts.map((cut) => tileOf(chain, frames.slice(cut.from - base, cut.to + 1 - base), isDigested)),
  );
}

/** These blocks of a chain as one tile, whether the rule would cut them so or not. */
export async function tileOf(
  chain: Chain,
  frames: readonly Frame[],
  isDigested = false,
): Promise<ServedTile> {
  const [first] = frames;
  const last = frames.at(-1);
  if (first === undefined || last === undefined) throw new TypeError('A tile has a block.');
  const documents = frames.map((frame) => chain.decode(frame).bytes);
  const { parts } = await encodeTileBody(
    documents.map((bytes) => ({ codec: 'identity', bytes, documentBytes: bytes.byteLength })),
  );
  const body = Buffer.concat(parts);
  const lines = Buffer.concat(documents.flatMap((bytes) => [bytes, Buffer.from('\n')]));
  return {
    entry: {
      from: first.header.height,
      to: last.header.height,
      hash: last.header.hash,
      documentBytes: lines.byteLength,
      bytes: body.byteLength,
      digest: isDigested ? createHash('sha256').update(lines).digest('hex') : null,
    },
    body,
  };
}
