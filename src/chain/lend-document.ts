import type { Codec, Frame, WireFrame } from '../contracts/index.js';
import { freeMemory } from '../internal/free-memory.js';

/**
 * Decodes what came over the wire and lends the document to `use`. Whoever decodes owns the memory: it is freed when
 * `use` has returned, at once, unless the bytes that came or the frame that was made share it. Large documents are
 * made at such a rate that the dead ones would be half of a syncing process.
 *
 * @returns what `use` made of the document
 * @throws SyncError `CODEC_*`, and what `use` throws
 */
export function lendDocument(
  codec: Codec,
  { bytes }: WireFrame,
  maxOutputBytes: number,
  use: (document: Uint8Array) => Frame | null,
): Frame | null {
  const document = codec.decode(bytes, { maxOutputBytes });
  const frame = use(document);
  if (![bytes.buffer, frame?.bytes.buffer].includes(document.buffer)) freeMemory(document);
  return frame;
}
