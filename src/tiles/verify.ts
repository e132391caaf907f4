import { createHash } from 'node:crypto';
import type { TileBody, TileEntry, TileMember } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { encodeTileBody, ownMembers, type TileBlock } from './body.js';
import { type BlockColumns, checkBlocks, type TileChecks, tooLarge } from './check-blocks.js';
import type { Pace } from './pace.js';
import { type DecodedBody, decodePieces } from './pieces.js';

/** Bytes that are hashed at once, between two looks at the clock. */
const HASHED_BYTES = 256 * 1024;

/** What was found in a tile's body that is sound. */
export interface CheckedTile {
  readonly columns: BlockColumns;
  readonly documents: Uint8Array;
  readonly members: readonly TileMember[];
  /** The body in our layout; `null` where it came in it. */
  readonly encoded: Uint8Array | null;
}

/**
 * Decodes a tile's body and checks all that `VerifyTile` promises, on the thread that calls it. A body that is laid out
 * otherwise than ours is encoded again.
 *
 * @throws SyncError as `VerifyTile`
 */
export async function checkTile(
  checks: TileChecks,
  entry: TileEntry,
  body: Uint8Array,
  pace: Pace,
): Promise<CheckedTile> {
  checkSize(checks, entry);
  const { documents, pieces } = await decoded(entry, body, pace);
  const columns = await checkBlocks(checks, entry, documents, pace);
  checkEntry(entry, columns, documents.byteLength);
  await checkDigest(entry, documents, pace);
  const members = pieces === null ? null : ownMembers(pieces, columns.lengths);
  if (members !== null) return { columns, documents, members, encoded: null };
  return { columns, documents, ...(await encodeAgain(documents, columns.lengths)) };
}

async function decoded(entry: TileEntry, body: Uint8Array, pace: Pace): Promise<DecodedBody> {
  try {
    return await decodePieces(body, entry.documentBytes, pace);
  } catch (error) {
    throw isSyncError(error) ? error.at({ height: entry.from }) : error;
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

async function checkDigest(entry: TileEntry, documents: Uint8Array, pace: Pace): Promise<void> {
  if (entry.digest === null) return;
  const hash = createHash('sha256');
  for (let at = 0; at < documents.byteLength; at += HASHED_BYTES) {
    hash.update(documents.subarray(at, at + HASHED_BYTES));
    if (pace.isDue) await pace.next();
  }
  const digest = hash.digest('hex');
  if (digest !== entry.digest)
    throw mismatch(entry, `its documents have the digest ${digest}, not ${entry.digest}`);
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
  return { members, encoded: Buffer.concat(parts) };
}

function mismatch({ from, to }: TileEntry, why: string): SyncError {
  const message = `Tile ${from}–${to} is not the one that the index names: ${why}.`;
  return new SyncError('TILE_MISMATCH', message, { height: to });
}
