import type { BlockSource } from '../contracts/index.js';
import { func, inside, objectWith, type Reader, text } from '../internal/options/index.js';

const EXPECTS = 'a chain to serve, such as `await openChain()` or `await engine.opened()` gives';
const METHODS = ['chainId', 'tip', 'header', 'read', 'subscribe'] as const satisfies (keyof BlockSource)[];
const TILE_METHODS = ['at', 'list', 'body'] as const satisfies (keyof NonNullable<BlockSource['tiles']>)[];
const OPTIONAL_METHODS = ['storedAs', 'lag', 'view'] as const satisfies (keyof BlockSource)[];

const TILES = objectWith<NonNullable<BlockSource['tiles']>>('the tiles of a source', TILE_METHODS);

/** Reads what a server serves from; it is passed on as it is, and asked whenever a client asks. */
export function blockSource(): Reader<BlockSource> {
  const methods = objectWith<BlockSource>(EXPECTS, METHODS);
  return {
    expects: EXPECTS,
    read(value, where) {
      const source = methods.read(value, where);
      text('the name of chain rules').read(source.chain, inside(where, '.chain'));
      for (const name of OPTIONAL_METHODS) {
        const method: unknown = Reflect.get(source, name);
        if (method !== undefined) func().read(method, inside(where, `.${name}`));
      }
      const tiles: unknown = Reflect.get(source, 'tiles') ?? null;
      if (tiles !== null) TILES.read(tiles, inside(where, '.tiles'));
      return source;
    },
  };
}
