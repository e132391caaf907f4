import { createHash } from 'node:crypto';
import type { Codec, CodecRegistry, Packed, PackChunk, PackedPart, PackTask } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

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

function decoded(codecs: CodecRegistry, chunk: PackChunk): Uint8Array {
  if (chunk.kind === 'raw') return chunk.bytes;
  const { documentBytes } = chunk;
  const document = codecs
    .get(chunk.codec)
    .decode(chunk.bytes, { maxOutputBytes: Math.max(documentBytes, 1) });
  if (document.length === documentBytes) return document;
  const message = `A frame decodes to ${document.length} bytes where ${documentBytes} were noted.`;
  throw new SyncError('CODEC_CORRUPT', message);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const only = pieces.length === 1 ? pieces[0] : undefined;
  if (only !== undefined) return only;
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
