import type { BlockSource, ChainRules, StorageTiles, Tile } from '../contracts/index.js';

/**
 * The tiles of a store that can have a name under which nothing else can be: where hashes don't cover all bytes of the
 * documents, those that the store has a digest of.
 */
export function servedTiles(
  tiles: StorageTiles,
  { covers }: Pick<ChainRules, 'covers'>,
): NonNullable<BlockSource['tiles']> {
  const served = (tile: Tile): Tile | null => {
    if (covers === 'document') return { ...tile, digest: null };
    return tile.digest === null ? null : tile;
  };
  return {
    async at(height) {
      const tile = await tiles.at(height);
      return tile === null ? null : served(tile);
    },
    async list(range) {
      return (await tiles.list(range)).map(served).filter((tile) => tile !== null);
    },
    body: (tile) => tiles.body(tile),
    free: (body) => tiles.free?.(body),
  };
}
