import { gunzipSync } from 'node:zlib';
import { zstd } from '../../plugins/codec-zstd/index.js';
import type { TileEntry } from '../../src/contracts/index.js';
import { entryLine, entryMembers } from '../../src/tiles/entry.js';
import { tailFileName, tileNameOf, tilePath } from '../../src/tiles/name.js';
import { isHere } from './builtin-codecs.js';
import { indexPathOf, pathOf, type TileFolder } from './tile-folder.js';

/** What a test of tiles in zstd works with. */
export interface ZstdFolder extends TileFolder {
  /** Paths of the bodies in zstd, in the order of their heights; the tail's is the last. */
  readonly zstdPaths: readonly string[];
}

/** Documents as a body in zstd. Where Node has none it is noise of about that length, which nobody can decode. */
export function zstdBody(documents: Uint8Array): Uint8Array {
  return isHere('zstd') ? zstd().create().encode(documents) : Buffer.alloc(40, 0x28);
}

/** The folder with all its tiles, and its tail, in zstd as well. All its heights are on the first page. */
export function inZstdToo(folder: TileFolder): ZstdFolder {
  const files = new Map(folder.files);
  const zstdPaths: string[] = [];
  const add = (entry: TileEntry, from: string, path: string): TileEntry => {
    const body = zstdBody(gunzipSync(folder.files.get(from) ?? Buffer.alloc(0)));
    files.set(path, body);
    zstdPaths.push(path);
    return { ...entry, otherBytes: { zstd: body.byteLength } };
  };
  const entries = folder.entries.map((entry) =>
    add(entry, pathOf(entry), `tiles/${tilePath(tileNameOf(entry), 'zstd')}`),
  );
  files.set(indexPathOf(0), Buffer.from(entries.map(entryLine).join('')));
  const tail = folder.tail === null ? null : addTail(folder.tail);
  const status = JSON.parse(String(Buffer.from(files.get('status') ?? []))) as { tiles: object };
  status.tiles = { ...status.tiles, tail: tail === null ? null : entryMembers(tail) };
  files.set('status', Buffer.from(JSON.stringify(status)));
  return { ...folder, entries, tail, files, zstdPaths };

  function addTail(entry: TileEntry): TileEntry {
    const name = tileNameOf(entry);
    return add(entry, `tiles/${tailFileName(name)}`, `tiles/${tailFileName(name, 'zstd')}`);
  }
}

/** Paths of bodies that were asked for, by how they end. */
export function bodiesAsked(
  asked: readonly { readonly path: string }[],
  suffix: 'gz' | 'zst',
): readonly string[] {
  return asked.map(({ path }) => path).filter((path) => path.endsWith(`.ndjson.${suffix}`));
}
