import { createHash } from 'node:crypto';
import type { Codec, CodecRegistry, Packed, PackChunk, PackedPart, PackTask } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { storedLimits } from '../internal/expansion.js';
import { freeMemory } from '../internal/free-memory.js';

/** Does a {@link PackTask} on the thread it is called on. @throws SyncError `CODEC_*` */
export function pack(codecs: CodecRegistry, task: PackTask): Packed {
  const raw = join(task.chunks.map((chunk) => decoded(codecs, chunk)));
  const codec = codecs.get(task.codec);
  const parts: PackedPart[] = [];
  for (let start = 0; start < raw.length; start += task.maxPartBytes) {
    parts.push(encodePart(codec, raw.subarray(start, start + task.maxPartBytes)));
  }
  return { parts, raw };
}

function encodePart(codec: Codec, raw: Uint8Array): PackedPart {
  const bytes = codec.encode(raw);
  return { bytes, rawLength: raw.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A run of bytes, and whether it is in memory of its own that nobody else has. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly isCopy: boolean;
}

function decoded(codecs: CodecRegistry, chunk: PackChunk): Piece {
  if (chunk.kind === 'raw') return { bytes: chunk.bytes, isCopy: false };
  const { documentBytes } = chunk;
  const document = codecs.get(chunk.codec).decode(chunk.bytes, storedLimits(chunk));
  const isCopy = document.buffer !== chunk.bytes.buffer;
  if (document.length === documentBytes) return { bytes: document, isCopy };
  const message = `A frame decodes to ${document.length} bytes where ${documentBytes} were noted.`;
  throw new SyncError('CODEC_CORRUPT', message);
}

function join(pieces: readonly Piece[]): Uint8Array {
  const only = pieces.length === 1 ? pieces[0] : undefined;
  if (only?.isCopy === true) return only.bytes;
  let size = 0;
  for (const { bytes } of pieces) size += bytes.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const { bytes, isCopy } of pieces) {
    joined.set(bytes, at);
    at += bytes.length;
    if (isCopy) freeMemory(bytes);
  }
  return joined;
}
