import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type { Peer } from '../../src/contracts/index.js';
import { type TileFolder, tileFolder } from '../helpers/tile-folder.js';
import { serve } from './transport-json-range-support.js';
import { tileAt } from './transport-tile-support.js';

/** Documents of a MB that hardly compress: tiles 0–3 and 4–7 have 4 MB of documents and 3 MB of body each. */
function makeDocuments(count: number): readonly Uint8Array[] {
  let previousHash = SEALED_JSON_GENESIS;
  return Array.from({ length: count }, (_, height) => {
    const records = [{ height, filler: randomBytes(749_000).toString('base64') }];
    const payload = Buffer.from(JSON.stringify({ timestamp: 1_700_000_000_000 + height, records }));
    const { document, hash } = seal(payload, { height, previousHash });
    previousHash = hash;
    return document;
  });
}

export const documents = makeDocuments(8);

let made: Promise<TileFolder> | null = null;

/** The folder of {@link documents}. */
export function largeFolder(t: Pick<ExecutionContext, 'teardown'>): Promise<TileFolder> {
  return (made ??= tileFolder(t, documents));
}

/** A request for the tile 0–3, as it came. */
export interface TileAsked {
  readonly path: string;
  /** First byte that was asked for; `null` where the whole was. */
  readonly start: number | null;
  readonly ifRange: string | null;
  readonly isFresh: boolean;
}

/** How a server answers a request for the tile 0–3. */
export interface Answer {
  /** Default that of the tile. */
  readonly etag?: string | null;
  /** After so many bytes the connection breaks. Default never. */
  readonly cutAfter?: number;
  /** It breaks only once this has come about. Default at once. */
  readonly cutWhen?: Promise<unknown>;
  /** After so many bytes nothing more comes, and the connection stays. Default never. */
  readonly silentAfter?: number;
  /** In place of what is in the folder. */
  readonly body?: Uint8Array;
  /** Of an answer that has a part; in place of those that are right. */
  readonly partHeaders?: Readonly<Record<string, string>>;
  /** Of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of any other answer. */
  readonly status?: number;
}

/** A server of a folder, and what it was asked for the tile 0–3. */
export interface CuttingServer {
  readonly peer: Peer;
  readonly asked: TileAsked[];
  /** Bytes of the tile's body that it has sent, over all answers. */
  readonly sent: () => number;
  readonly size: number;
}

export const ETAG = '"one"';

/**
 * Serves a folder as web servers do that have ranges; the tile 0–3 as a test has it.
 *
 * @param isCut - which paths are answered so. Default that of the tile in gzip.
 */
export async function serveCutting(
  t: Pick<ExecutionContext, 'teardown'>,
  folder: TileFolder,
  answer: (request: TileAsked, nth: number) => Answer,
  isCut: (path: string) => boolean = (path) => path === tileAt(folder, 0),
): Promise<CuttingServer> {
  const asked: TileAsked[] = [];
  let sent = 0;
  const { peer } = await serve(t, (incoming, response) => {
    const path = (incoming.url ?? '').replace('/sync/', '');
    const file = folder.files.get(path);
    if (file === undefined) return void response.writeHead(404).end();
    if (!isCut(path)) return void response.writeHead(200, { 'content-length': file.length }).end(file);
    const request = { path, ...read(incoming) };
    asked.push(request);
    sent += reply(response, request, file, answer(request, asked.length - 1));
  });
  return { peer, asked, sent: () => sent, size: folder.files.get(tileAt(folder, 0))?.length ?? 0 };
}

function read({ headers }: IncomingMessage): Omit<TileAsked, 'path'> {
  const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
  const ifRange = headers['if-range'];
  return {
    start: start === undefined ? null : Number(start),
    ifRange: typeof ifRange === 'string' ? ifRange : null,
    isFresh: headers['cache-control'] === 'no-cache',
  };
}

/** @returns bytes of the body that are sent */
function reply(response: ServerResponse, request: TileAsked, file: Uint8Array, answer: Answer): number {
  const { body = file, status } = answer;
  if (status !== undefined) {
    response.writeHead(status).end('no');
    return 0;
  }
  const etag = answer.etag === undefined ? ETAG : answer.etag;
  const start = request.ifRange === etag ? (request.start ?? 0) : 0;
  const rest = body.subarray(start);
  const range = `bytes ${start}-${body.length - 1}/${body.length}`;
  const part = start > 0 ? { 'content-range': range, ...answer.partHeaders } : {};
  const tag = etag === null ? {} : { etag };
  const headers = { 'content-length': rest.length, ...tag, ...part, ...answer.headers };
  response.writeHead(start > 0 ? 206 : 200, headers);
  return send(response, rest, answer);
}

function send(
  response: ServerResponse,
  rest: Uint8Array,
  { cutAfter = Infinity, cutWhen = Promise.resolve(), silentAfter = Infinity }: Answer,
): number {
  const sent = rest.subarray(0, Math.min(cutAfter, silentAfter));
  if (sent.length === rest.length) response.end(rest);
  else
    response.write(sent, () => {
      if (cutAfter < Infinity) void cutWhen.then(() => response.destroy());
    });
  return sent.length;
}
