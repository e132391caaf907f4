import { concatBytes, hexBytes } from '#platform/bytes';
import { gunzipLarge, gunzipNow, gzipLarge, gzipNow, isTooMuchOutput } from '#platform/gzip';
import { later } from '#platform/later';
import { Sha256 } from '#platform/sha256';
import type { Frame, TileMember } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';

/** Documents of a member have at most so many bytes together, each with its line feed, unless it is one document. */
export const MAX_MEMBER_BYTES = 65_536;

/** What ends a document. */
export const LINE_FEED = 0x0a;
/** The same. */
export const LINE_END: Uint8Array = Uint8Array.of(LINE_FEED);

/**
 * The line feed behind a large document, in a member of its own: the document's member is then a frame as it is. Written
 * down, as zlib names the system in it: on all of them bodies have the same.
 */
export const LINE_FEED_MEMBER: Uint8Array = hexBytes('1f8b0800000000000003e302009306d73201000000');

/** How much longer a piece may be than its documents; what does not shrink becomes longer by less. */
const MAX_EXTRA_BYTES = 256;
const MAX_EXTRA_PART = 512;

/** A piece of a body that decodes by itself: a member, with the line feed's behind it where it has one of its own. */
export interface Piece {
  /** Length in the body. */
  readonly bytes: number;
  /** Length of what it decodes to. */
  readonly documentBytes: number;
  /** Whether its last line feed has a member of its own. */
  readonly isSplit: boolean;
}

/** A block as it goes into a tile. */
export type TileBlock = Pick<Frame, 'codec' | 'bytes' | 'documentBytes'>;

/** A tile's body in pieces, which lie behind each other. */
export interface TileParts {
  readonly members: readonly TileMember[];
  /** As many as members. */
  readonly parts: readonly Uint8Array[];
  /** As {@link TileEntry.digest}. */
  readonly digest: string | null;
}

/** Codecs of frames that can be put into a tile without anything else that could decode them. */
const OWN_CODECS: ReadonlySet<string> = new Set(['identity', 'gzip']);

/** Whether a tile can be made of blocks in this codec. */
export const isTileCodec = (codec: string): boolean => OWN_CODECS.has(codec);

/** Whether a document has a member of its own. */
export const isLarge = (documentBytes: number): boolean => documentBytes + 1 > MAX_MEMBER_BYTES;

/**
 * Makes the body of a tile: gzip members behind each other, which `zcat` reads as one NDJSON document. A large block
 * that is a gzip frame is taken as it is. Members of small blocks are made on the calling thread, each in a turn of the
 * event loop of its own (about a millisecond); a large block on one of Node's.
 *
 * @param blocks - of the tile, in codecs that {@link isTileCodec} names.
 * @param options - `isDigested`: whether the digest is computed too. Default no.
 * @throws SyncError `CODEC_CORRUPT` for a frame that does not decode to the length that it states
 */
export async function encodeTileBody(
  blocks: readonly TileBlock[],
  { isDigested = false }: { readonly isDigested?: boolean } = {},
): Promise<TileParts> {
  const members: TileMember[] = [];
  const parts: Uint8Array[] = [];
  const hash = isDigested ? new Sha256() : null;
  let from = 0;
  for (const group of groupsOf(blocks.map(({ documentBytes }) => documentBytes))) {
    const part = await encodeGroup(blocks.slice(from, from + group.blocks), hash);
    from += group.blocks;
    members.push({ blocks: group.blocks, bytes: part.byteLength });
    parts.push(part);
    await new Promise<void>(later);
  }
  return { members, parts, digest: hash?.hex() ?? null };
}

/**
 * The members of a body that was decoded piece by piece, if it is such as we would have made of these documents.
 *
 * @param lengths - of the documents, without line feeds.
 * @returns `null` when pieces end elsewhere, or are longer than any encoder needs.
 */
export function ownMembers(
  pieces: readonly Piece[],
  lengths: readonly number[],
): readonly TileMember[] | null {
  const members: TileMember[] = [];
  for (const { blocks, documentBytes } of groupsOf(lengths)) {
    const piece = pieces[members.length];
    const isSame = piece?.documentBytes === documentBytes && piece.isSplit === isLarge(documentBytes - 1);
    if (!isSame || piece.bytes > documentBytes + documentBytes / MAX_EXTRA_PART + MAX_EXTRA_BYTES)
      return null;
    members.push({ blocks, bytes: piece.bytes });
  }
  return members.length === pieces.length ? members : null;
}

/** Blocks that become a member. */
interface Group {
  readonly blocks: number;
  /** Of all of them, each with its line feed. */
  readonly documentBytes: number;
}

function* groupsOf(lengths: readonly number[]): Generator<Group> {
  let blocks = 0;
  let documentBytes = 0;
  for (const length of lengths) {
    if (blocks > 0 && documentBytes + length + 1 > MAX_MEMBER_BYTES) {
      yield { blocks, documentBytes };
      blocks = 0;
      documentBytes = 0;
    }
    blocks++;
    documentBytes += length + 1;
  }
  if (blocks > 0) yield { blocks, documentBytes };
}

async function encodeGroup(group: readonly TileBlock[], hash: Sha256 | null): Promise<Uint8Array> {
  const [first] = group;
  if (first !== undefined && isLarge(first.documentBytes)) return encodeLarge(first, hash);
  const lines: Uint8Array[] = [];
  for (const block of group) {
    const document = documentOf(block);
    lines.push(document instanceof Uint8Array ? document : await document, LINE_END);
  }
  const documents = concatBytes(lines);
  hash?.update(documents);
  return gzipNow(documents);
}

async function encodeLarge(block: TileBlock, hash: Sha256 | null): Promise<Uint8Array> {
  const isEncoded = block.codec === 'gzip';
  const document = isEncoded && hash === null ? null : await documentOf(block);
  if (document !== null) hash?.update(document).update(LINE_END);
  const member = document === null || isEncoded ? block.bytes : await gzipLarge(document);
  return concatBytes([member, LINE_FEED_MEMBER]);
}

/** A document that is stored raw is there at once: a turn for each of a thousand would take longer than the rest. */
function documentOf({ codec, bytes, documentBytes }: TileBlock): Uint8Array | Promise<Uint8Array> {
  if (!isTileCodec(codec)) throw new TypeError(`A tile can't be made of blocks in ${codec}.`);
  if (codec !== 'gzip') return checkLength(bytes, documentBytes);
  return gunzipTo(bytes, documentBytes).then((document) => checkLength(document, documentBytes));
}

function checkLength(document: Uint8Array, documentBytes: number): Uint8Array {
  if (document.byteLength === documentBytes) return document;
  throw corrupt(`a frame has ${document.byteLength} bytes of document where ${documentBytes} were noted`);
}

/**
 * Decodes a member, or a whole body, to its documents, each with its line feed.
 *
 * @param documentBytes - of them; nothing more is ever made.
 * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
 */
export async function decodeTileBytes(bytes: Uint8Array, documentBytes: number): Promise<Uint8Array> {
  const documents = await gunzipTo(bytes, documentBytes);
  if (documents.byteLength !== documentBytes)
    throw corrupt(`it has ${documents.byteLength} bytes of documents where ${documentBytes} were stated`);
  if (documents.at(-1) !== LINE_FEED) throw corrupt('its last document has no line feed');
  return documents;
}

/** The gzip frame of a large document in its member: the line feed behind it is left out. */
export function largeFrameOf(member: Uint8Array): Uint8Array {
  return member.subarray(0, member.byteLength - LINE_FEED_MEMBER.byteLength);
}

/**
 * Decodes gzip members behind each other.
 *
 * @param documentBytes - nothing more is ever made.
 * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
 */
export async function gunzipTo(bytes: Uint8Array, documentBytes: number): Promise<Uint8Array> {
  try {
    // The way to another thread and back takes longer than one member does.
    const isSmall = documentBytes <= MAX_MEMBER_BYTES;
    return isSmall ? gunzipNow(bytes, documentBytes) : await gunzipLarge(bytes, documentBytes);
  } catch (error) {
    if (isSyncError(error)) throw error;
    if (!isTooMuchOutput(error)) throw corrupt('the compressed data is damaged or truncated', error);
    const message = `${bytes.byteLength} bytes of a tile decode to more than the ${documentBytes} bytes stated.`;
    throw new SyncError('CODEC_OUTPUT_TOO_LARGE', message);
  }
}

function corrupt(what: string, cause?: unknown): SyncError {
  return new SyncError('CODEC_CORRUPT', `A tile is not what it should be: ${what}.`, { cause });
}
