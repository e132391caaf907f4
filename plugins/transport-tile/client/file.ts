import type { Peer, TransportDeps } from '../../../src/contracts/index.js';
import { type ErrorCode, isSyncError, SyncError } from '../../../src/errors/index.js';
import { BodyReader, chunksOf } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { type FileHead, type PartialBody, restHead, resumeHeaders, wholeHead } from './partial-body.js';

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
  /** What is here of it already: no more than the rest is asked for. Default `null`. */
  readonly partial?: PartialBody | null;
}

/** What came of a file. */
export interface FileChunk {
  readonly bytes: Uint8Array;
  /** The same for all chunks of one answer. */
  readonly head: FileHead;
}

/** A peer that sends less than this in the time that something has to come in is as good as silent. */
export const PROGRESS_BYTES = 64 * 1024;

const NOT_OF_THE_PEER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['PEER_INCONSISTENT', 'PEER_NOT_SYNC']);

/** Whether what came may be from a cache on the way, of which the peer knows nothing: it is then asked for once more. */
export function mayBeCached(error: unknown): boolean {
  return isSyncError(error) && (error.info.provesLie || NOT_OF_THE_PEER.has(error.code));
}

/**
 * Reads a file, chunk by chunk. Where a part of it is here and the rest does not come by itself, it comes from the beginning:
 * the head of the chunks says so.
 *
 * @throws SyncError `PROTOCOL_VIOLATION` for one that is too large, `PEER_INCONSISTENT` where there is none (404), `PEER_*`,
 *   `REDIRECT_REFUSED`, `STREAM_*`, `ABORTED`
 */
export async function* readFile(
  deps: TransportDeps,
  request: FileRequest,
  signal: AbortSignal,
): AsyncGenerator<FileChunk, void, undefined> {
  const { peer, target, isFresh, partial = null } = request;
  const headers: Record<string, string> = {
    ...(isFresh ? { 'cache-control': 'no-cache' } : {}),
    ...(partial === null ? {} : resumeHeaders(partial)),
  };
  const exchange = await openExchange(deps, { peer, target, headers }, signal);
  try {
    const head = await headOf(exchange, deps, request, signal);
    if (head !== null) {
      for await (const bytes of bounded(exchange, deps, request, head)) yield { bytes, head };
      return;
    }
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: peer.url }) : error;
  } finally {
    exchange.close();
  }
  yield* readFile(deps, { ...request, partial: null }, signal);
}

/** @returns `null` where only the rest was asked for, and what came is neither that nor the whole */
async function headOf(
  exchange: HttpExchange,
  deps: TransportDeps,
  request: FileRequest,
  signal: AbortSignal,
): Promise<FileHead | null> {
  const { response } = exchange;
  const { partial = null } = request;
  if (partial === null) {
    await checkHead(exchange, deps, request, signal);
    return wholeHead(response);
  }
  if (response.status === 206) return restHead(response, partial);
  try {
    await checkHead(exchange, deps, request, signal);
    return wholeHead(response);
  } catch (error) {
    // A peer that is busy, or was lost, says nothing about the request.
    if (signal.aborted || (isSyncError(error) && error.info.retryable && !mayBeCached(error))) throw error;
    return null;
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
  { start, size }: FileHead,
): AsyncGenerator<Uint8Array, void, undefined> {
  const body = new BodyReader(exchange, {
    idleMs: limits.idleTimeoutMs,
    progressMs: limits.progressTimeoutMs,
    codes: { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' },
  });
  const most = Math.min(maxBytes, size ?? Infinity);
  let total = start;
  let due = start + PROGRESS_BYTES;
  for await (const chunk of chunksOf(body)) {
    total += chunk.byteLength;
    if (total > most) throw tooLarge(what, most);
    if (total >= due) {
      body.progressed();
      due = total + PROGRESS_BYTES;
    }
    yield chunk;
  }
  if (size !== null && total < size)
    throw new SyncError('STREAM_TRUNCATED', `${what} ended after ${total} of ${size} bytes.`);
}

function tooLarge(what: string, maxBytes: number): SyncError {
  return new SyncError(
    'PROTOCOL_VIOLATION',
    `The answer to a request for ${what} has more than ${maxBytes} bytes.`,
  );
}
