import { SyncError } from '../../../src/errors/index.js';
import {
  INDEX_NAME,
  parsePagePath,
  pagePath,
  parseTileFileName,
  type TileName,
} from '../../../src/tiles/name.js';

/** Where tiles are below the mount point. */
export const TILES = '/tiles/';

/** What a path asks for: a tile, or the index of the page that begins at a height. */
export type Route =
  { readonly kind: 'tile'; readonly name: TileName } | { readonly kind: 'page'; readonly first: number };

/** Reads a path, which is not decoded: an escape in it is no part of any name. @throws SyncError `NOT_FOUND` */
export function readRoute(path: string): Route {
  const end = path.lastIndexOf('/');
  const page = path.slice(TILES.length, end);
  const file = path.slice(end + 1);
  if (file === INDEX_NAME) {
    const first = parsePagePath(page);
    if (first !== null) return { kind: 'page', first };
  }
  const name = parseTileFileName(file);
  if (name !== null && pagePath(name.from) === page) return { kind: 'tile', name };
  throw gone();
}

/** The error for a tile or a page that is not here. */
export function gone(): SyncError {
  return new SyncError('NOT_FOUND', 'There is no such tile here, or not any more.');
}
