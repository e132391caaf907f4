import type { BlockHeader, ChainRules, TileEntry, TileMember, VerifiedTile } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { decodeTileBytes, encodeTileBody } from './body.js';

const LINE_FEED = 0x0a;

/** What a tile is checked with. */
export interface TileChecks {
  readonly rules: ChainRules;
  /** Largest block, in bytes. */
  readonly maxBlockBytes: number;
}

/** Checks a tile: see {@link VerifyTile}. On the thread that calls it. */
export async function verifyTile(
  { rules, maxBlockBytes }: TileChecks,
  entry: TileEntry,
  body: Uint8Array,
): Promise<VerifiedTile> {
  const documents = await decodeTileBytes(body, entry.documentBytes);
  const headers: BlockHeader[] = [];
  const lengths: number[] = [];
  let start = 0;
  while (start < documents.byteLength) {
    const end = documents.indexOf(LINE_FEED, start);
    const height = entry.from + headers.length;
    if (end - start > maxBlockBytes)
      throw new SyncError('BLOCK_TOO_LARGE', `Block ${height} is too large.`, { height });
    headers.push(checked(rules, documents.subarray(start, end), height, headers.at(-1)));
    lengths.push(end - start);
    start = end + 1;
  }
  const first = headers[0];
  const last = headers.at(-1);
  if (first === undefined || last?.height !== entry.to || last.hash !== entry.hash)
    throw new SyncError('HASH_MISMATCH', `Tile ${entry.from}–${entry.to} ends with another block.`);
  const { from, to, hash, documentBytes, digest } = entry;
  const frames = lengths.map((length, at) => {
    const begin = lengths.slice(0, at).reduce((sum, each) => sum + each + 1, 0);
    return { codec: 'identity', bytes: documents.subarray(begin, begin + length), documentBytes: length };
  });
  const { members, parts } = await encodeTileBody(frames);
  const own: { bytes: Uint8Array; members: readonly TileMember[] } = { bytes: Buffer.concat(parts), members };
  return {
    from,
    to,
    previousHash: first.previousHash,
    hash,
    digest,
    documentBytes,
    bytes: own.bytes.byteLength,
    headers,
    documentLengths: lengths,
    documents,
    body: own,
  };
}

function checked(
  rules: ChainRules,
  document: Uint8Array,
  height: number,
  before: BlockHeader | undefined,
): BlockHeader {
  try {
    const header = rules.verify(document, { height });
    if (before === undefined || header.previousHash === before.hash) return header;
    throw new SyncError(
      'PARENT_MISMATCH',
      `Block ${height} names another parent than block ${before.height}.`,
    );
  } catch (error) {
    throw isSyncError(error) ? error.at({ height }) : error;
  }
}
