import {
  PLUGIN_API_VERSION,
  type BlockSource,
  type CachePolicy,
  type Endpoint,
  type EndpointDeps,
  type EndpointDescription,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
  type Tile,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import {
  type ByteRange,
  isUnchanged,
  readRange,
  unsatisfiable,
} from '../../../src/internal/http/byte-range.js';
import { cacheControl, ONE_YEAR_SECONDS } from '../../../src/internal/http/cache-control.js';
import { type TileName, tileNameOf } from '../../../src/tiles/name.js';
import { TileRange } from '../../../src/tiles/range.js';
import { Bodies, piecesOf } from './bodies.js';
import { Pages } from './page.js';
import { Refresher } from './refresher.js';
import { gone, readRoute, TILES } from './request.js';

type Tiles = NonNullable<BlockSource['tiles']>;

const NO_TILES: Tiles = {
  at: () => Promise.resolve(null),
  list: () => Promise.resolve([]),
  body: () => Promise.resolve(null),
};

/**
 * Registers the server half of tiles: `GET /tiles/PPP/FROM-TO-H32.ndjson.gz` and `GET /tiles/PPP/index.ndjson` (protocol
 * section 2.6). Of a source without tiles it serves none.
 *
 * A tile's body is sent as the store has it. No more than 256 MiB of bodies, or one, are held for all clients together,
 * and no more than 64 MiB, or one, for one client.
 */
export function tileEndpoint(): EndpointPlugin {
  const create = (deps: EndpointDeps): Endpoint => new TileEndpoint(deps);
  return { kind: 'endpoint', name: 'tile', apiVersion: PLUGIN_API_VERSION, create };
}

class TileEndpoint implements Endpoint {
  readonly name = 'tile';
  readonly paths = [];
  readonly prefixes = [TILES];
  readonly streams = false;
  readonly codecs = {};
  readonly #tiles: Tiles;
  readonly #cache: CachePolicy;
  readonly #bodies = new Bodies();
  readonly #pages: Pages;
  readonly #range: TileRange;
  readonly #refresher: Refresher;

  constructor({ source, cache }: EndpointDeps) {
    this.#tiles = source.tiles ?? NO_TILES;
    this.#cache = cache;
    this.#pages = new Pages(source, this.#tiles);
    this.#range = new TileRange(source, this.#tiles);
    this.#refresher = new Refresher(source, () => this.#range.look());
  }

  refresh(): Promise<void> {
    return this.#refresher.refresh();
  }

  describe(): EndpointDescription {
    // For the next one, where nobody waits for this.
    void this.#refresher.refresh();
    const range = this.#range.current;
    return { snapshots: [], signers: [], tiles: range === null ? null : { ...range, tail: null } };
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const route = readRoute(request.path);
    return route.kind === 'page'
      ? this.#page(request, route.first, options)
      : this.#tile(request, route.name, options);
  }

  close(): Promise<void> {
    this.#refresher.close();
    return Promise.resolve();
  }

  async #page(
    request: EndpointRequest,
    first: number,
    options: EndpointHandleOptions,
  ): Promise<EndpointResponse> {
    const { signal, clientKey = '' } = options;
    const page = await this.#pages.get(first, signal);
    if (page === null) throw gone();
    const { bytes, etag, isFinal } = page;
    const cache = { etag, 'cache-control': this.#cacheControl(isFinal) };
    if (isUnchanged(request, etag)) return { status: 304, headers: cache, body: null };
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-length': String(bytes.length),
      ...cache,
    };
    if (request.method === 'HEAD') return { status: 200, headers, body: null };
    return {
      status: 200,
      headers,
      body: piecesOf(bytes, signal, this.#bodies.take(bytes.length, clientKey)),
    };
  }

  async #tile(
    request: EndpointRequest,
    name: TileName,
    options: EndpointHandleOptions,
  ): Promise<EndpointResponse> {
    const tile = await this.#tiles.at(name.from);
    if (tile === null || !isNamed(tile, name)) throw gone();
    const size = tile.bytes;
    const etag = `"${name.digest}-${size}"`;
    const cache = { etag, 'cache-control': this.#cacheControl(true) };
    if (isUnchanged(request, etag)) return { status: 304, headers: cache, body: null };
    const range = readRange(request, { size, etag });
    if (range === 'unsatisfiable') return unsatisfiable(size);
    const { start, end } = range ?? { start: 0, end: size };
    const status = range === null ? 200 : 206;
    const headers = {
      'content-type': 'application/gzip',
      'content-length': String(end - start),
      'accept-ranges': 'bytes',
      ...cache,
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    };
    if (request.method === 'HEAD') return { status, headers, body: null };
    const held = await this.#held(tile, options, { start, end });
    options.onHeights?.(name.from, name.to);
    return { status, headers, ...held };
  }

  /** A part of a tile's body, which counts as held until the client has taken it. */
  async #held(
    tile: Tile,
    { signal, clientKey = '' }: EndpointHandleOptions,
    { start, end }: ByteRange,
  ): Promise<Pick<EndpointResponse, 'body' | 'onSent'>> {
    const letGo = this.#bodies.take(tile.bytes, clientKey);
    try {
      const body = await this.#bodyOf(tile);
      const onSent = (): void => this.#tiles.free?.(body);
      return { body: piecesOf(body.subarray(start, end), signal, letGo), onSent };
    } catch (error) {
      letGo();
      throw error;
    }
  }

  async #bodyOf(tile: Tile): Promise<Uint8Array> {
    const body = await this.#tiles.body(tile);
    if (body === null) throw gone();
    if (body.length === tile.bytes) return body;
    const message = `The tile ${tile.from}–${tile.to} has ${body.length} bytes, not ${tile.bytes}.`;
    throw new SyncError('STORE_DAMAGED', message, { height: tile.from });
  }

  #cacheControl(isFinal: boolean): string {
    const maxAgeSeconds = isFinal ? ONE_YEAR_SECONDS : null;
    return cacheControl(this.#cache, { maxAgeSeconds, isExact: true });
  }
}

/** Whether a tile is the one of a name: another one, which a fork has put there, has another name. */
function isNamed(tile: Tile, { from, to, digest }: TileName): boolean {
  return tile.from === from && tile.to === to && tileNameOf(tile).digest === digest;
}
