import type { ExecutionContext } from 'ava';
import type { Frame } from '../../src/contracts/index.js';
import type { Chain } from '../../src/index.js';
import { pagePath, tileDigest, tileFileName, tilePath } from '../../src/tiles/name.js';
import { type ServedTile, tileOf, tilesOf } from './chain-tiles.js';
import { listen } from './servers.js';

type Teardown = Pick<ExecutionContext, 'teardown'>;

/** Files by their paths below the peer's URL. */
export type Files = ReadonlyMap<string, Uint8Array>;

const NO_CODECS = { stream: [], json: [], snapshot: [], frames: [] };

/** Path of a tile below `tiles`. */
export function pathOf({ entry }: ServedTile): string {
  const { from, to, hash, digest } = entry;
  return tilePath({ from, to, digest: digest?.slice(0, 32) ?? tileDigest(hash) });
}

/** A chain up to its head as files that any web server can serve: its tiles, what is behind them, the index and the status. */
export async function filesOf(chain: Chain): Promise<Files> {
  const { base, head } = chain.tip();
  if (head === null) throw new TypeError('There are no files of an empty chain.');
  const tiles = await tilesOf(chain);
  const to = tiles.at(-1)?.entry.to ?? base - 1;
  const tail = to < head.height ? await rest(chain, to + 1, head.height) : null;
  const files = new Map([...filesOfTiles(tiles), ...filesOfPages(tiles)]);
  if (tail !== null) files.set(`tiles/${tailPath(tail)}`, tail.body);
  const status = {
    ...{ protocol: 1, chain: chain.chain, chainId: chain.chainId(), base },
    head: { height: head.height, hash: head.hash },
    codecs: NO_CODECS,
    tiles: { from: base, to, tail: tail?.entry ?? null },
  };
  return files.set('status', Buffer.from(JSON.stringify(status)));
}

function filesOfTiles(tiles: readonly ServedTile[]): Files {
  return new Map(tiles.map((tile) => [`tiles/${pathOf(tile)}`, tile.body]));
}

function filesOfPages(tiles: readonly ServedTile[]): Files {
  const pages = new Map<string, string>();
  for (const { entry } of tiles) {
    const page = `tiles/${pagePath(entry.from)}/index.ndjson`;
    pages.set(page, `${pages.get(page) ?? ''}${JSON.stringify(entry)}\n`);
  }
  return new Map([...pages].map(([page, text]) => [page, Buffer.from(text)]));
}

async function rest(chain: Chain, from: number, to: number): Promise<ServedTile> {
  const frames: Frame[] = [];
  for await (const batch of chain.read({ from, to })) frames.push(...batch);
  return tileOf(chain, frames);
}

function tailPath({ entry: { from, to, hash } }: ServedTile): string {
  return `tail-${tileFileName({ from, to, digest: tileDigest(hash) })}`;
}

/** What a server of files does. */
export interface FileServer {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
}

/** Serves files under /sync as a plain web server does. @param files - those of the moment */
export async function serveFiles(t: Teardown, files: () => Files): Promise<FileServer> {
  const requests: string[] = [];
  const url = await listen(t, (request, response) => {
    const path = (request.url ?? '').replace(/^\/sync\//, '');
    requests.push(path);
    const file = files().get(path);
    if (file === undefined) response.writeHead(404).end('not found');
    else response.writeHead(200, { 'content-length': String(file.byteLength) }).end(file);
  });
  return { url, requests };
}
