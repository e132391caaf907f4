import { concatBytes } from '#platform/bytes';
import { Sha256 } from '#platform/sha256';
import type { Codec, TileBody, TileEntry, TileMember } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { freeMemory } from '../internal/free-memory.js';
import { encodeTileBody, gunzipTo, ownMembers, type Piece, type TileBlock } from './body.js';
import { BlockCheck, type BlockColumns, type TileChecks, tooLarge } from './check-blocks.js';
import type { Pace } from './pace.js';
import { mayFollow, PieceReader } from './pieces.js';

/** Bytes that are hashed at once, between two looks at the clock. */
const HASHED_BYTES = 256 * 1024;

/** What was found in a tile's body that is sound. */
export interface CheckedTile {
  readonly columns: BlockColumns;
  readonly members: readonly TileMember[];
  /** The body in our layout; `null` where it came in it. */
  readonly encoded: Uint8Array | null;
}

/**
 * Decodes a tile's body and checks all that `VerifyTile` promises, on the thread that calls it. A body in our layout is
 * decoded piece by piece, none of which is held longer than it takes to check it. One that is laid out otherwise, or is
 * in another codec than gzip, is decoded as a whole, and encoded again.
 *
 * @param codec - what the body is in; `null` for gzip.
 * @throws SyncError as `VerifyTile`
 */
export async function checkTile(
  checks: TileChecks,
  entry: TileEntry,
  body: Uint8Array,
  pace: Pace,
  codec: Codec | null = null,
): Promise<CheckedTile> {
  checkSize(checks, entry);
  if (codec !== null) return checkOther(checks, entry, decodedBy(codec, entry, body), pace);
  // What is wrong with a body that is none of ours, if anything is, says the decoder of all of it.
  return (
    (await checkOwn(checks, entry, body, pace)) ??
    (await checkOther(checks, entry, await decoded(entry, body), pace))
  );
}

/** @returns `null` for a body that is not in our layout */
async function checkOwn(
  checks: TileChecks,
  entry: TileEntry,
  body: Uint8Array,
  pace: Pace,
): Promise<CheckedTile | null> {
  const reader = new PieceReader(body);
  const documents = new DocumentCheck(checks, entry);
  const pieces: Piece[] = [];
  while (!reader.isAtEnd) {
    const piece = reader.next(entry.documentBytes - documents.bytes);
    if (piece === null || !mayFollow(pieces.at(-1), piece)) return null;
    const { bytes, documentBytes, isSplit } = piece;
    pieces.push({ bytes, documentBytes, isSplit });
    await documents.take(piece.documents, pace);
    freeMemory(piece.documents);
  }
  if (pieces.length === 0) return null;
  const columns = documents.end();
  const members = ownMembers(pieces, columns.lengths);
  return members === null ? null : { columns, members, encoded: null };
}

async function checkOther(
  checks: TileChecks,
  entry: TileEntry,
  all: Uint8Array,
  pace: Pace,
): Promise<CheckedTile> {
  const documents = new DocumentCheck(checks, entry);
  await documents.take(all, pace);
  const columns = documents.end();
  return { columns, ...(await encodeAgain(all, columns.lengths)) };
}

/** Checks the documents of a tile as they come. */
class DocumentCheck {
  readonly #entry: TileEntry;
  readonly #blocks: BlockCheck;
  readonly #hash: Sha256 | null;
  #bytes = 0;

  constructor(checks: TileChecks, entry: TileEntry) {
    this.#entry = entry;
    this.#blocks = new BlockCheck(checks, entry);
    this.#hash = entry.digest === null ? null : new Sha256();
  }

  /** Length of what was taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next documents, each with its line feed. They are not held after that. */
  async take(documents: Uint8Array, pace: Pace): Promise<void> {
    this.#bytes += documents.byteLength;
    await this.#blocks.take(documents, pace);
    if (this.#hash === null) return;
    for (let at = 0; at < documents.byteLength; at += HASHED_BYTES) {
      this.#hash.update(documents.subarray(at, at + HASHED_BYTES));
      if (pace.isDue) await pace.next();
    }
  }

  /** What was found, where the documents are those that the entry names. @throws SyncError `TILE_MISMATCH` */
  end(): BlockColumns {
    const { columns } = this.#blocks;
    checkEntry(this.#entry, columns, this.#bytes);
    const digest = this.#hash?.hex() ?? null;
    if (digest === this.#entry.digest) return columns;
    const why = `its documents have the digest ${String(digest)}, not ${String(this.#entry.digest)}`;
    throw mismatch(this.#entry, why);
  }
}

async function decoded(entry: TileEntry, body: Uint8Array): Promise<Uint8Array> {
  try {
    return await gunzipTo(body, entry.documentBytes);
  } catch (error) {
    throw isSyncError(error) ? error.at({ height: entry.from }) : error;
  }
}

function decodedBy(codec: Codec, { from, documentBytes }: TileEntry, body: Uint8Array): Uint8Array {
  try {
    return codec.decode(body, { maxOutputBytes: documentBytes });
  } catch (error) {
    throw isSyncError(error) ? error.at({ height: from }) : error;
  }
}

/** Nothing is decoded that can't be taken. */
function checkSize({ maxBlockBytes }: TileChecks, { from, to, documentBytes }: TileEntry): void {
  const blocks = to - from + 1;
  if (documentBytes <= blocks * (maxBlockBytes + 1)) return;
  throw tooLarge(blocks === 1 ? documentBytes - 1 : null, maxBlockBytes).at({ height: from });
}

function checkEntry(entry: TileEntry, { hashes }: BlockColumns, documentBytes: number): void {
  const { from, to } = entry;
  const last = hashes.at(-1);
  const blocks = to - from + 1;
  if (hashes.length < blocks) throw mismatch(entry, `it has ${hashes.length} blocks, not ${blocks}`);
  if (last !== entry.hash) throw mismatch(entry, `its last block is ${String(last)}, not ${entry.hash}`);
  if (documentBytes !== entry.documentBytes)
    throw mismatch(entry, `its documents have ${documentBytes} bytes, not ${entry.documentBytes}`);
}

async function encodeAgain(
  documents: Uint8Array,
  lengths: readonly number[],
): Promise<{ readonly members: TileBody['members']; readonly encoded: Uint8Array }> {
  let start = 0;
  const blocks = lengths.map((documentBytes): TileBlock => {
    const bytes = documents.subarray(start, start + documentBytes);
    start += documentBytes + 1;
    return { codec: 'identity', bytes, documentBytes };
  });
  const { members, parts } = await encodeTileBody(blocks);
  return { members, encoded: concatBytes(parts) };
}

function mismatch({ from, to }: TileEntry, why: string): SyncError {
  const message = `Tile ${from}–${to} is not the one that the index names: ${why}.`;
  return new SyncError('TILE_MISMATCH', message, { height: to });
}
