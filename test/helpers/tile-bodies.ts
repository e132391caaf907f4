import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import type { ChainRules, TileEntry, TileMember, VerifiedTile } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { encodeTileBody } from '../../src/tiles/body.js';
import { TileDocuments } from '../../src/tiles/documents.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { ndjson, sealedChain } from './sealed-chain.js';

/** A tile as a peer has it. */
export interface TileSample {
  readonly entry: TileEntry;
  readonly body: Uint8Array;
  readonly members: readonly TileMember[];
  readonly documents: readonly Uint8Array[];
}

/** The tile of documents that follow each other, in our layout. */
export async function tileSample(rules: ChainRules, documents: readonly Uint8Array[]): Promise<TileSample> {
  const { members, parts } = await encodeTileBody(
    documents.map((bytes) => ({ codec: 'identity', bytes, documentBytes: bytes.byteLength })),
  );
  const body = Buffer.concat(parts);
  return { entry: entryOf(rules, documents, body), body, members, documents };
}

/** What an honest index says of these documents. */
export function entryOf(rules: ChainRules, documents: readonly Uint8Array[], body: Uint8Array): TileEntry {
  const headers = documents.map((document) => rules.describe(document));
  const [first, last] = [headers[0], headers.at(-1)];
  if (first === undefined || last === undefined) throw new Error('A tile has blocks.');
  const documentBytes = ndjson(documents).byteLength;
  const { height: to, hash } = last;
  return { from: first.height, to, hash, documentBytes, bytes: body.byteLength, digest: null };
}

/** Checks that a tile is what its documents make it, and that each piece of its body decodes to its blocks. */
export function assertVerified(
  t: ExecutionContext,
  rules: ChainRules,
  tile: VerifiedTile,
  documents: readonly Uint8Array[],
): void {
  const headers = documents.map((document) => rules.verify(document, null));
  t.deepEqual(tile.headers, headers);
  t.deepEqual(
    tile.documentLengths,
    documents.map(({ byteLength }) => byteLength),
  );
  const decoded = new TileDocuments(tile);
  for (const [at, document] of documents.entries())
    t.is(Buffer.compare(decoded.at(at), document), 0, `${at}`);
  t.deepEqual(
    [tile.from, tile.to, tile.previousHash, tile.hash],
    [headers[0]?.height, headers.at(-1)?.height, headers[0]?.previousHash, headers.at(-1)?.hash],
  );
  t.is(tile.documentBytes, ndjson(documents).byteLength);
  t.is(tile.bytes, tile.body.bytes.byteLength);
  assertMembers(t, tile.body, documents);
}

function assertMembers(
  t: ExecutionContext,
  { bytes, members }: VerifiedTile['body'],
  documents: readonly Uint8Array[],
): void {
  let block = 0;
  let offset = 0;
  for (const member of members) {
    const piece = bytes.subarray(offset, offset + member.bytes);
    const wanted = ndjson(documents.slice(block, block + member.blocks));
    t.is(Buffer.compare(gunzipSync(piece), wanted), 0, `the member at ${offset}`);
    block += member.blocks;
    offset += member.bytes;
  }
  t.deepEqual([block, offset], [documents.length, bytes.byteLength]);
}

/** What came of a verification, in a form that two can be compared in. */
export async function outcomeOf(verifying: Promise<VerifiedTile>): Promise<unknown> {
  try {
    const { body, ...rest } = await verifying;
    const { bytes, members } = body;
    return { ...rest, members, bytes: hex(bytes) };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    const { code, message, context } = error;
    return { code, message, context };
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Checks a tile on this thread. */
export function verifyHere(
  rules: ChainRules,
  entry: TileEntry,
  body: Uint8Array,
  maxBlockBytes: number,
): Promise<VerifiedTile> {
  return createTileVerifier({ rules, worker: null, maxBlockBytes, threads: 0 }).verify(entry, body, {});
}

/** Sealed blocks whose payloads have about these lengths. */
export function blocksOf(lengths: readonly number[]): Uint8Array[] {
  return sealedChain(lengths.length, (height) => ({
    name: `block ${height}`,
    text: 'lorem ipsum dolor sit amet '.repeat((lengths[height] ?? 0) / 27 + 1).slice(0, lengths[height]),
  }));
}
