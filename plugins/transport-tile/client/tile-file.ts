import type { Peer, TileEntry, TransportDeps } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { maxBodyBytes } from '../../../src/tiles/entry.js';
import { tailFileName, tileNameOf, tilePath } from '../../../src/tiles/name.js';
import { readFile } from './file.js';
import type { PartialBody, ReceivedBody } from './partial-body.js';

const OPENS_OBJECT = 0x7b;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** Whether two peers name the same tile. How long the body is, each may have otherwise. */
export function isSameTile(one: TileEntry, other: TileEntry): boolean {
  return (
    one.from === other.from &&
    one.to === other.to &&
    one.hash === other.hash &&
    one.documentBytes === other.documentBytes &&
    one.digest === other.digest
  );
}

/** What each block of a tile takes beside its bytes: its header with a hash of 64 digits, and its length. 170 were measured. */
const BLOCK_BYTES = 192;

/** Most memory that a tile takes: its body, which may be as long as its documents, and the headers of its blocks. */
export function heldBytesOf({
  from,
  to,
  documentBytes,
  bytes,
}: Pick<TileEntry, 'from' | 'to' | 'documentBytes' | 'bytes'>): number {
  return documentBytes + bytes + BLOCK_BYTES * (to - from + 1);
}

/** A tile that is wanted. */
export interface PlannedTile {
  readonly entry: TileEntry;
  /** Whether it is what a folder of files has behind the tiles. */
  readonly isTail: boolean;
}

/** A request for a tile's body. */
export interface TileRequest extends PlannedTile {
  readonly peer: Peer;
  /** Whether no cache may answer. */
  readonly isFresh: boolean;
  /** What is here of it, of the same peer. */
  readonly partial: PartialBody | null;
}

/**
 * Fetches the body of a tile.
 *
 * @param received - takes what comes, and has it where the request fails.
 * @param onBytes - called after each read.
 * @throws SyncError `PROTOCOL_VIOLATION`, `PEER_*`, `STREAM_*`, `ABORTED`
 */
export async function fetchBody(
  deps: TransportDeps,
  request: TileRequest,
  received: ReceivedBody,
  onBytes: () => void,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { peer, entry, isFresh, partial } = request;
  const what = `tile ${entry.from}–${entry.to}`;
  const target = `/tiles/${pathOf(request)}`;
  const maxBytes = maxBodyBytes(entry.documentBytes);
  const file = { peer, target, what, from: entry.from, maxBytes, isFresh, partial };
  for await (const { head, bytes } of readFile(deps, file, signal)) {
    received.append(head, bytes);
    onBytes();
  }
  const body = received.take();
  if (!isGzip(body) && (received.isDecoded || body[0] === OPENS_OBJECT)) throw decoded(peer, what);
  return body;
}

function pathOf({ entry, isTail }: PlannedTile): string {
  const name = tileNameOf(entry);
  return isTail ? tailFileName(name) : tilePath(name);
}

function isGzip(bytes: Uint8Array): boolean {
  return GZIP_MAGIC.every((byte, at) => bytes[at] === byte);
}

function decoded({ url }: Peer, what: string): SyncError {
  const message = `${what} of ${url} came decoded: the server, or a cache before it, takes the file for one with a Content-Encoding. Have it sent as application/gzip without Content-Encoding.`;
  return new SyncError('PEER_NOT_SYNC', message, { peer: url });
}
