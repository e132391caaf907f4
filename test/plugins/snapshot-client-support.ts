import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import {
  snapshotTransport,
  type SnapshotTransportOptions,
} from '../../plugins/transport-snapshot/client/index.js';
import { partsRoot } from '../../plugins/transport-snapshot/manifest.js';
import type {
  Codec,
  CodecRegistry,
  Peer,
  SnapshotItem,
  SnapshotManifest,
  SnapshotPart,
  SnapshotProgress,
  SnapshotRequest,
  SnapshotTransport,
  TransportDeps,
  TransportLimits,
} from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { isSyncError, SyncError, type ErrorCode } from '../../src/errors/index.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { listen } from '../helpers/servers.js';

type CodecId = 'gzip' | 'identity';
type Entries = readonly (readonly [key: string, value: string])[];

/** What a snapshot is made of; everything has a default. */
export interface SnapshotInput {
  readonly blocks?: readonly Uint8Array[];
  readonly base?: number;
  readonly accounts?: Entries;
  readonly contracts?: Entries;
  readonly chainId?: string;
  readonly codec?: CodecId;
  /** Decoded bytes of one part. */
  readonly partBytes?: number;
  /** Changes the document before its parts are made; the manifest's hash stays that of the true one. */
  readonly alter?: (document: Buffer) => Buffer;
}

export interface TestSnapshot {
  readonly manifest: SnapshotManifest;
  readonly document: Buffer;
  readonly body: Buffer;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Blocks of a chain that has no rules: any JSON object will do. */
export function plainBlocks(count: number, bytes = 60): Buffer[] {
  return Array.from({ length: count }, (_, height) =>
    Buffer.from(JSON.stringify({ height, text: `{"[\\${'x'.repeat(bytes)}é`, list: [[], {}] })),
  );
}

/** Writes a snapshot document: what its hash is over, and what follows. */
export function writeDocument(input: SnapshotInput = {}): {
  readonly document: Buffer;
  readonly hash: string;
  readonly head: Pick<SnapshotManifest, 'height' | 'base' | 'chainId' | 'chain' | 'type' | 'timestamp'>;
} {
  const { blocks = plainBlocks(5), base = 0, accounts = [], contracts = [], chainId = 'c' } = input;
  const timestamp = 1_700_000_000_000;
  const head = {
    height: base + blocks.length - 1,
    base,
    chainId,
    chain: 'sealed-json',
    type: 'recent' as const,
    timestamp,
  };
  const state = (entries: Entries): string =>
    entries.map(([key, value]) => `{"key":${JSON.stringify(key)},"value":${value}}`).join(',');
  const comma = Buffer.from(',');
  const covered = Buffer.concat([
    Buffer.from(`${JSON.stringify(head).slice(0, -1)},"accounts":[${state(accounts)}]`),
    Buffer.from(`,"contracts":[${state(contracts)}],"blocks":[`),
    ...blocks.flatMap((block, index) => (index === 0 ? [block] : [comma, block])),
    Buffer.from(']'),
  ]);
  const hash = sha256(covered);
  const tail = Buffer.from(`,"hash":"${hash}","signer":"02ab","signature":"cd"}`);
  return { document: Buffer.concat([covered, tail]), hash, head };
}

const unchanged = (document: Buffer): Buffer => document;

/** Makes a snapshot as an honest server would. */
export function makeSnapshot(input: SnapshotInput = {}): TestSnapshot {
  const { codec = 'gzip', partBytes = 1000, alter = unchanged } = input;
  const { document: honest, hash, head } = writeDocument(input);
  const document = alter(honest);
  const pieces: Buffer[] = [];
  const parts: SnapshotPart[] = [];
  let offset = 0;
  for (let at = 0; at < document.length; at += partBytes) {
    const raw = document.subarray(at, at + partBytes);
    const piece = codec === 'gzip' ? gzipSync(raw) : raw;
    parts.push({ offset, length: piece.length, rawLength: raw.length, sha256: sha256(piece) });
    pieces.push(piece);
    offset += piece.length;
  }
  const root = partsRoot(parts);
  const manifest: SnapshotManifest = {
    version: 1,
    id: `recent-${head.height}-${root.slice(0, 16)}`,
    ...head,
    blockHash: 'aa',
    codec,
    hash,
    size: offset,
    rawSize: document.length,
    parts,
    root,
    signatures: [{ signer: '02ab', signature: 'ef' }],
  };
  return { manifest, document, body: Buffer.concat(pieces) };
}

/** A request for bytes of a body. */
export interface RangeRequest {
  readonly id: string;
  readonly start: number;
  /** Included. */
  readonly end: number;
}

export type RangeHandler = (asked: RangeRequest, response: ServerResponse, bytes: Buffer) => unknown;

export interface SnapshotServer {
  readonly peer: Peer;
  /** Ranges asked for, in order. */
  readonly ranges: RangeRequest[];
  /** Query strings of requests for manifests. */
  readonly manifests: string[];
  /** What is served; may be changed. */
  snapshots: TestSnapshot[];
}

/** Answers a range as it should be. */
export const honest: RangeHandler = ({ start, end }, response, bytes) => {
  response.writeHead(206, {
    'content-range': `bytes ${start}-${end}/${bytes.length}`,
    'content-length': end + 1 - start,
  });
  response.end(bytes.subarray(start, end + 1));
};

export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify({ status, code, detail: `${code} said` }));
}

/** A server on a real socket that has snapshots under /sync; the first one of a codec is the newest. */
export async function serveSnapshots(
  t: Pick<ExecutionContext, 'teardown'>,
  snapshots: TestSnapshot[],
  onRange: RangeHandler = honest,
): Promise<SnapshotServer> {
  const ranges: RangeRequest[] = [];
  const manifests: string[] = [];
  const server = { ranges, manifests, snapshots, peer: { url: '', headers: {} } };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/sync/snapshot/manifest') {
      manifests.push(url.search);
      answerManifest(server.snapshots, url.searchParams, response);
      return;
    }
    const id = /^\/sync\/snapshot\/([^/]+)$/.exec(url.pathname)?.[1] ?? '';
    const [, start, end] = /^bytes=([0-9]+)-([0-9]+)$/.exec(request.headers.range ?? '') ?? [];
    const asked = { id, start: Number(start), end: Number(end) };
    ranges.push(asked);
    const found = server.snapshots.find(({ manifest }) => manifest.id === id);
    if (found === undefined) problem(response, 404, 'SNAPSHOT_GONE');
    else await onRange(asked, response, found.body);
  };
  const origin = await listen(t, (request, response) => void answer(request, response));
  server.peer = { url: `${origin}/sync`, headers: {} };
  return server;
}

function answerManifest(
  snapshots: readonly TestSnapshot[],
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const found = snapshots.find(({ manifest }) => manifest.codec === query.get('codec'));
  if (snapshots.length === 0) problem(response, 404, 'SNAPSHOT_UNAVAILABLE');
  else if (found === undefined) problem(response, 400, 'CODEC_UNAVAILABLE');
  else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found.manifest));
  }
}

export const testLimits: TransportLimits = {
  connectTimeoutMs: 30_000,
  firstByteTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  muteTimeoutMs: 30_000,
  progressTimeoutMs: 30_000,
  maxEventBytes: 1024 * 1024,
  maxBlockBytes: 512 * 1024,
};

const codecs: readonly Codec[] = [gzip().create(), identity().create()];
const registry: CodecRegistry = {
  ids: codecs.map(({ id }) => id),
  has: (id) => codecs.some((codec) => codec.id === id),
  get: (id) => {
    const codec = codecs.find((each) => each.id === id);
    if (codec === undefined) throw new SyncError('CODEC_UNAVAILABLE', `There is no codec ${id}.`);
    return codec;
  },
};

/** The client half, with codecs on this thread. */
export function client(
  options: SnapshotTransportOptions = {},
  limits: Partial<TransportLimits> = {},
  fetch: TransportDeps['fetch'] = createHttp1Client({ ...testLimits, ...limits }).fetch,
): SnapshotTransport {
  return snapshotTransport({ backoffMs: 20, ...options }).create({
    fetch,
    limits: { ...testLimits, ...limits },
    workers: inThreadWorkers(registry),
  });
}

/** The code of an error of ours. */
export const codeOf = (error: unknown): ErrorCode | null => (isSyncError(error) ? error.code : null);

/** What a download came to. */
export interface Outcome {
  readonly items: SnapshotItem[];
  readonly error: SyncError | null;
  readonly progress: SnapshotProgress[];
  readonly failures: { readonly peer: Peer; readonly error: Error }[];
}

/** Opens a snapshot and reads it to its end or its error. */
export async function download(
  manifest: SnapshotManifest,
  peers: readonly Peer[],
  more: Partial<SnapshotRequest> & {
    readonly client?: SnapshotTransport;
    readonly signal?: AbortSignal;
    readonly onItem?: (item: SnapshotItem) => unknown;
  } = {},
): Promise<Outcome> {
  const { client: transport = client(), signal = new AbortController().signal, onItem, ...request } = more;
  const outcome: Outcome = { items: [], error: null, progress: [], failures: [] };
  const items = transport.open(
    {
      manifest,
      peers,
      directory: null,
      maxBlockBytes: 1024 * 1024,
      onProgress: (progress) => outcome.progress.push(progress),
      onPeerFailure: (peer, error) => outcome.failures.push({ peer, error }),
      ...request,
    },
    { signal },
  );
  const error = await collect(items, outcome.items, onItem);
  return { ...outcome, error };
}

/** Reads items to their end or their error. */
export async function collect(
  source: AsyncIterable<SnapshotItem>,
  items: SnapshotItem[] = [],
  onItem: (item: SnapshotItem) => unknown = () => undefined,
): Promise<SyncError | null> {
  try {
    for await (const item of source) {
      items.push(item);
      await onItem(item);
    }
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error;
  }
}

export const blocksOf = (items: readonly SnapshotItem[]): Buffer[] =>
  items.flatMap((item) => (item.kind === 'blocks' ? item.documents.map((each) => Buffer.from(each)) : []));

export const stateOf = (items: readonly SnapshotItem[], table: string): [string, string][] =>
  items.flatMap((item) =>
    item.kind === 'state' && item.table === table
      ? item.entries.map(({ key, value }): [string, string] => [key, Buffer.from(value).toString()])
      : [],
  );
