import type {
  BlockRef,
  Frame,
  SnapshotSignature,
  SnapshotType,
  StateEntry,
  StateTable,
  StorageView,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { plainPiece, type Piece } from './runs.js';

/** What a snapshot document says of itself, besides what it holds. */
export interface DocumentHead {
  readonly head: BlockRef;
  readonly base: number;
  readonly chainId: string;
  readonly chain: string;
  readonly type: SnapshotType;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

const encoder = new TextEncoder();
const COMMA = encoder.encode(',');

/**
 * The document of protocol section 2.4 up to `,"hash":"`, piece by piece: exactly the bytes that its hash covers.
 *
 * @throws SyncError `STORE_DAMAGED` when a block is missing, and what the view throws
 */
export async function* documentPieces(
  view: StorageView,
  document: DocumentHead,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  yield text(opening(document));
  yield* statePieces(view, 'accounts', signal);
  yield text('],"contracts":[');
  yield* statePieces(view, 'contracts', signal);
  yield text('],"blocks":[');
  yield* blockPieces(view, document, signal);
  yield text(']');
}

/** The end of the document, which the hash does not cover. */
export function documentEnd(hash: string, { signer, signature }: SnapshotSignature): Piece {
  return text(
    `,"hash":${JSON.stringify(hash)},"signer":${JSON.stringify(signer)},"signature":${JSON.stringify(signature)}}`,
  );
}

function opening({ head, base, chainId, chain, type, timestamp }: DocumentHead): string {
  const members = JSON.stringify({ height: head.height, base, chainId, chain, type, timestamp });
  return `${members.slice(0, -1)},"accounts":[`;
}

async function* statePieces(
  view: StorageView,
  table: StateTable,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  let first = true;
  for await (const entries of view.entries(table, { signal })) {
    for (const entry of entries) {
      yield entryPiece(entry, first);
      first = false;
    }
  }
}

function entryPiece({ key, value }: StateEntry, first: boolean): Piece {
  const start = encoder.encode(`${first ? '' : ','}{"key":${JSON.stringify(key)},"value":`);
  const bytes = new Uint8Array(start.length + value.length + 1);
  bytes.set(start);
  bytes.set(value, start.length);
  bytes[bytes.length - 1] = 0x7d;
  return plainPiece(bytes);
}

async function* blockPieces(
  view: StorageView,
  { base, head }: DocumentHead,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  let next = base;
  for await (const frames of view.read({ from: base, to: head.height }, { signal })) {
    for (const frame of frames) {
      if (frame.header.height !== next) throw missing(next);
      yield blockPiece(frame, next === base);
      next += 1;
    }
  }
  if (next <= head.height) throw missing(next);
}

function blockPiece({ codec, bytes, documentBytes }: Frame, first: boolean): Piece {
  const frame = { kind: 'frame', codec, bytes, documentBytes } as const;
  if (first) return { chunks: [frame], rawBytes: documentBytes, blocks: 1 };
  return { chunks: [{ kind: 'raw', bytes: COMMA }, frame], rawBytes: documentBytes + 1, blocks: 1 };
}

function missing(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `The source left out block ${height}.`, { height });
}

function text(characters: string): Piece {
  return plainPiece(encoder.encode(characters));
}
