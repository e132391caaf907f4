import { gunzipSync } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { tileTransport, type TileTransportOptions } from '../../plugins/transport-tile/index.js';
import type {
  HttpFetch,
  Peer,
  PeerStatus,
  PeerWithStatus,
  StreamRequest,
  TileEntry,
  Transport,
  TransportLimits,
  VerifiedTile,
  VerifyTile,
  WireItem,
} from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { chainOf, pathOf, type TileFolder, tileFolder } from '../helpers/tile-folder.js';
import {
  type Outcome,
  run,
  serve,
  type TestServer,
  testLimits as rangeLimits,
} from './transport-json-range-support.js';

export { codeOf, type Outcome } from './transport-json-range-support.js';

const MIB = 1024 * 1024;
const rules = sealedJson().create();

const huge = 1_500_000;
const small = 300;
const large = 90_000;
/** Cut into 0–1, 2–3, 4–7, 8–15, 16–17 and 18–19; 20–22 are the tail. */
export const SIZES = [
  ...[huge, small, huge, huge],
  ...[large, small, small, huge],
  ...[small, small, large, large, small, small, small, small],
  ...[huge, huge, huge, huge],
  ...[small, large, small],
];
export const RANGES = ['0-1', '2-3', '4-7', '8-15', '16-17', '18-19'];
export const documents = chainOf(SIZES);

let made: Promise<TileFolder> | null = null;

/** The folder of {@link documents}, with a tail. */
export function wholeFolder(t: Pick<ExecutionContext, 'teardown'>): Promise<TileFolder> {
  return (made ??= tileFolder(t, documents, { hasTail: true }));
}

/** The same without the tail. */
export async function plainFolder(t: Pick<ExecutionContext, 'teardown'>): Promise<TileFolder> {
  const whole = await wholeFolder(t);
  const status = JSON.parse(Buffer.from(whole.files.get('status') ?? []).toString()) as { tiles: object };
  status.tiles = { ...status.tiles, tail: null };
  const files = new Map([...whole.files, ['status', Buffer.from(JSON.stringify(status))] as const]);
  return { ...whole, tail: null, files };
}

/** A request for a file. */
export interface Asked {
  readonly path: string;
  /** Whether caches were told to keep out of it. */
  readonly isFresh: boolean;
}

/** A web server of files. */
export interface FileServer extends TestServer {
  readonly asked: Asked[];
  /** Requests for tiles that are not answered yet. */
  readonly open: () => number;
}

export type Respond = (
  request: Asked,
  pass: () => void,
  response: ServerResponse,
  incoming: IncomingMessage,
) => void;

/** Serves the files of a folder as a web server does that knows nothing of tiles. */
export async function serveFolder(
  t: Pick<ExecutionContext, 'teardown'>,
  { files }: Pick<TileFolder, 'files'>,
  respond: Respond = (_request, pass) => {
    pass();
  },
): Promise<FileServer> {
  const asked: Asked[] = [];
  let open = 0;
  const server = await serve(t, (incoming, response) => {
    const path = (incoming.url ?? '').replace('/sync/', '');
    const request = { path, isFresh: incoming.headers['cache-control'] === 'no-cache' };
    asked.push(request);
    if (isBody(path)) {
      open++;
      response.once('close', () => open--);
    }
    const pass = (): void => {
      send(response, files.get(path));
    };
    respond(request, pass, response, incoming);
  });
  return { ...server, asked, open: () => open };
}

/** Sends a file, or what a web server says where there is none. @returns that it has */
export function send(response: ServerResponse, file: Uint8Array | undefined): true {
  if (file === undefined) response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>');
  else
    response
      .writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.byteLength })
      .end(file);
  return true;
}

const isBody = (path: string): boolean => path.endsWith('.ndjson.gz');

/** The tiles that a server was asked for, by their first heights. */
export function tilesAsked({ asked }: FileServer): readonly number[] {
  return asked
    .filter(({ path }) => isBody(path))
    .map(({ path }) => Number(/(\d{16})-\d{16}-/.exec(path)?.[1]))
    .sort((a, b) => a - b);
}

export const testLimits: TransportLimits = { ...rangeLimits, maxBlockBytes: 2 * MIB };

/** Longer than any test: only a second request brings what the first one does not. */
export const noTimeLimits: Partial<TransportLimits> = {
  connectTimeoutMs: 600_000,
  firstByteTimeoutMs: 600_000,
  idleTimeoutMs: 600_000,
  progressTimeoutMs: 600_000,
};

/** Each tile by itself: tests that run at the same time do not wait for each other. */
export const verifyTile: VerifyTile = (...tile) => {
  const { maxBlockBytes } = testLimits;
  return createTileVerifier({ rules, worker: null, maxBlockBytes, threads: 0 }).verify(...tile);
};

export function transport(
  options: TileTransportOptions = {},
  limits: Partial<TransportLimits> = {},
  fetch: HttpFetch = createHttp1Client({ ...testLimits, ...limits }).fetch,
): Transport {
  // A busy machine is silent for a while too, and tests that count requests want no second one for that.
  return tileTransport({ hedgeAfterMs: 60_000, ...options }).create({
    fetch,
    limits: { ...testLimits, ...limits },
  });
}

export function tileRequest(peer: Peer, more: Partial<StreamRequest> = {}): StreamRequest {
  return {
    peer,
    after: null,
    from: 0,
    to: null,
    acceptCodecs: ['identity'],
    follow: false,
    verifyTile,
    ...more,
  };
}

export function fetchTiles(
  { peer }: { readonly peer: Peer },
  more: Partial<StreamRequest> = {},
  options: TileTransportOptions = {},
  limits: Partial<TransportLimits> = {},
): Promise<Outcome> {
  const { signal } = new AbortController();
  return run(transport(options, limits).open(tileRequest(peer, more), { signal }));
}

export type Failures = { readonly peer: Peer; readonly error: Error }[];

/** What a request has that may use other peers as well. */
export async function withOthers(
  others: readonly FileServer[],
): Promise<{ readonly failures: Failures; readonly more: Partial<StreamRequest> }> {
  const failures: Failures = [];
  const { signal } = new AbortController();
  const statusOf = async ({ peer }: FileServer): Promise<PeerWithStatus> => {
    return { peer, status: (await transport().status(peer, { signal })) as PeerStatus };
  };
  const onPeerFailure = (peer: Peer, error: Error): void => void failures.push({ peer, error });
  return { failures, more: { others: await Promise.all(others.map(statusOf)), onPeerFailure } };
}

export const failed = (failures: Failures): unknown[] =>
  failures.map(({ peer, error }) => [peer.url, isSyncError(error) ? error.code : error]);

export const tilesOf = (items: readonly WireItem[]): readonly VerifiedTile[] =>
  items.flatMap((item) => (item.kind === 'tile' ? [item.tile] : []));

export const rangesOf = (items: readonly WireItem[]): readonly string[] =>
  tilesOf(items).map(({ from, to }) => `${from}-${to}`);

export const sendersOf = (items: readonly WireItem[]): readonly (string | undefined)[] =>
  items.flatMap((item) => (item.kind === 'tile' ? [item.peer?.url] : []));

export const documentsOf = (items: readonly WireItem[]): Buffer =>
  Buffer.concat(tilesOf(items).map((tile) => gunzipSync(tile.body.bytes)));

/** The path of the tile that begins at a height. */
export function tileAt({ entries }: TileFolder, from: number): string {
  return pathOf(entryAt({ entries }, from));
}

export function entryAt({ entries }: Pick<TileFolder, 'entries'>, from: number): TileEntry {
  const entry = entries.find((each) => each.from === from);
  if (entry === undefined) throw new TypeError(`No tile begins at ${from}.`);
  return entry;
}
