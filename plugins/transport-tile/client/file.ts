import type { Peer, TransportDeps } from '../../../src/contracts/index.js';
import { type ErrorCode, isSyncError, SyncError } from '../../../src/errors/index.js';
import { BodyReader, chunksOf } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';

/** A file of a peer: a tile, or a page of its index. */
export interface FileRequest {
  readonly peer: Peer;
  /** Path below the peer's URL. */
  readonly target: string;
  /** What it is, for messages. */
  readonly what: string;
  /** First height that it has. */
  readonly from: number;
  /** Nothing more is read. */
  readonly maxBytes: number;
  /** Whether no cache may answer. */
  readonly isFresh: boolean;
}

/** What came of a file. */
export interface FileChunk {
  readonly bytes: Uint8Array;
  /** Whether the HTTP client has decoded a `Content-Encoding`. */
  readonly isDecoded: boolean;
}

/** A peer that sends less than this in the time that something has to come in is as good as silent. */
const PROGRESS_BYTES = 64 * 1024;

const NOT_OF_THE_PEER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['PEER_INCONSISTENT', 'PEER_NOT_SYNC']);

/** Whether what came may be from a cache on the way, of which the peer knows nothing: it is then asked for once more. */
export function mayBeCached(error: unknown): boolean {
  return isSyncError(error) && (error.info.provesLie || NOT_OF_THE_PEER.has(error.code));
}

/**
 * Reads a file, chunk by chunk.
 *
 * @throws SyncError `PROTOCOL_VIOLATION` for one that is too large, `PEER_INCONSISTENT` where there is none (404), `PEER_*`,
 *   `REDIRECT_REFUSED`, `STREAM_*`, `ABORTED`
 */
export async function* readFile(
  deps: TransportDeps,
  request: FileRequest,
  signal: AbortSignal,
): AsyncGenerator<FileChunk, void, undefined> {
  const { peer, target, isFresh } = request;
  const headers: Record<string, string> = isFresh ? { 'cache-control': 'no-cache' } : {};
  const exchange = await openExchange(deps, { peer, target, headers }, signal);
  try {
    await checkHead(exchange, deps, request, signal);
    const isDecoded = exchange.response.headers.get('content-encoding') !== null;
    for await (const bytes of bounded(exchange, deps, request)) yield { bytes, isDecoded };
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: peer.url }) : error;
  } finally {
    exchange.close();
  }
}

async function checkHead(
  exchange: HttpExchange,
  { limits }: TransportDeps,
  { peer, what, from, maxBytes }: FileRequest,
  signal: AbortSignal,
): Promise<void> {
  const { status, headers } = exchange.response;
  if (status === 404)
    throw new SyncError(
      'PEER_INCONSISTENT',
      `${peer.url} says that it has ${what}, and answers 404 for it.`,
      {
        height: from,
      },
    );
  if (status !== 200) throw await responseError(exchange, { peer, limits, from, signal });
  if (/^text\/html\b/i.test(headers.get('content-type') ?? ''))
    throw new SyncError('PEER_NOT_SYNC', `${peer.url} answers with a web page instead of ${what}.`);
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(what, maxBytes);
}

async function* bounded(
  exchange: HttpExchange,
  { limits }: TransportDeps,
  { what, maxBytes }: FileRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const body = new BodyReader(exchange, {
    idleMs: limits.idleTimeoutMs,
    progressMs: limits.progressTimeoutMs,
    codes: { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' },
  });
  let total = 0;
  let due = PROGRESS_BYTES;
  for await (const chunk of chunksOf(body)) {
    total += chunk.byteLength;
    if (total > maxBytes) throw tooLarge(what, maxBytes);
    if (total >= due) {
      body.progressed();
      due = total + PROGRESS_BYTES;
    }
    yield chunk;
  }
}

function tooLarge(what: string, maxBytes: number): SyncError {
  return new SyncError(
    'PROTOCOL_VIOLATION',
    `The answer to a request for ${what} has more than ${maxBytes} bytes.`,
  );
}
