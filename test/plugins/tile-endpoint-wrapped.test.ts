import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import compression from 'compression';
import express, { type RequestHandler } from 'express';
import { freeMemory } from '../../src/internal/free-memory.js';
import { syncMiddleware } from '../../src/server/express.js';
import { tileNameOf, tilePath } from '../../src/tiles/name.js';
import { listen } from '../helpers/servers.js';
import { tileOf, TileSource } from '../helpers/tile-list.js';

/** Bodies of tiles by their paths. */
type Bodies = ReadonlyMap<string, Buffer>;

/** An app that serves eight tiles behind a middleware, and frees each body as a store on disk does. */
async function serve(t: ExecutionContext, before: RequestHandler): Promise<[origin: string, Bodies]> {
  const bytes = 300_000;
  const tiles = Array.from({ length: 8 }, (_, at) => tileOf(at, at, { bytes, documentBytes: bytes }));
  const bodies = tiles.map(() => randomBytes(bytes));
  const source = new TileSource(tiles, ({ from }) => Buffer.from(bodies[from] ?? []));
  Object.assign(source.tiles, { free: freeMemory });
  const middleware = syncMiddleware({ source });
  t.teardown(() => middleware.close({ graceMs: 0 }));
  const origin = await listen(t, express().use(before).use('/sync', middleware));
  const paths = tiles.map((tile) => `/sync/tiles/${tilePath(tileNameOf(tile))}`);
  return [origin, new Map(paths.map((path, at) => [path, bodies[at] ?? Buffer.alloc(0)]))];
}

/** Asks for every tile a few times, all at once, and compares each byte. */
async function compareAll(t: ExecutionContext, origin: string, bodies: Bodies): Promise<void> {
  const asked = [...bodies].flatMap((one) => [one, one, one]);
  const isSame = asked.map(async ([path, body]) => {
    const response = await fetch(`${origin}${path}`);
    return body.equals(Buffer.from(await response.arrayBuffer()));
  });
  t.false((await Promise.all(isSame)).includes(false));
}

test('tiles that go through compression arrive byte for byte, many at once', async (t) => {
  const [origin, bodies] = await serve(t, compression({ threshold: 0, filter: () => true }));
  await compareAll(t, origin, bodies);
});

test('what middleware was given of a tile stays as it was after it is sent', async (t) => {
  const kept = new Map<string, Uint8Array[]>();
  const [origin, bodies] = await serve(t, (req, res, next) => {
    kept.set(req.originalUrl, keepWritten(res));
    next();
  });
  await compareAll(t, origin, bodies);
  for (const [path, body] of bodies) t.true(body.equals(Buffer.concat(kept.get(path) ?? [])), path);
});

/** As caches of responses do. */
function keepWritten(res: ServerResponse): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
  res.write = (chunk: Uint8Array) => {
    chunks.push(chunk);
    return write(chunk);
  };
  return chunks;
}
