import type { Codec, CodecRegistry, Frame } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Version 0.1.0 takes documents up to this size from a frame of any length. */
const FREE_EXPANSION_BYTES = 1024 * 1024;

/** It takes a larger one only from a frame of at least this part of it. */
const MAX_EXPANSION_RATIO = 200;

/**
 * The bytes of a stored block in a codec, as every version takes them (protocol section 4).
 *
 * @throws SyncError `CODEC_UNAVAILABLE`; `CODEC_*` for a frame that is damaged
 */
export function bytesIn(codecs: CodecRegistry, frame: Frame, to: string): Uint8Array {
  const { documentBytes } = frame;
  if (frame.codec === to && documentBytes <= FREE_EXPANSION_BYTES) return frame.bytes;
  const codec = codecs.get(to);
  if (frame.codec === to) return lengthened(codec, frame.bytes, documentBytes);
  const document = codecs.get(frame.codec).decode(frame.bytes, storedLimits(frame));
  return lengthened(codec, codec.encode(document), documentBytes);
}

/** A store's own frame decodes to just as many bytes as the store has noted. */
export function storedLimits({ documentBytes }: Pick<Frame, 'documentBytes'>): { maxOutputBytes: number } {
  return { maxOutputBytes: Math.max(documentBytes, 1) };
}

function lengthened(codec: Codec, bytes: Uint8Array, documentBytes: number): Uint8Array {
  if (documentBytes <= FREE_EXPANSION_BYTES) return bytes;
  const leastBytes = Math.ceil(documentBytes / MAX_EXPANSION_RATIO);
  return bytes.length >= leastBytes ? bytes : (codec.pad?.(bytes, leastBytes) ?? bytes);
}

/**
 * Puts empty pieces into encoded bytes until they are long enough.
 *
 * @param at - where the pieces go.
 */
export function padWith(piece: Uint8Array, bytes: Uint8Array, at: number, leastBytes: number): Uint8Array {
  const paddingBytes = Math.ceil(Math.max(0, leastBytes - bytes.length) / piece.length) * piece.length;
  const longer = new Uint8Array(bytes.length + paddingBytes);
  longer.set(bytes.subarray(0, at));
  for (let to = at; to < at + paddingBytes; to += piece.length) longer.set(piece, to);
  longer.set(bytes.subarray(at), at + paddingBytes);
  return longer;
}

/** The error for a decoder that was stopped at its limit. */
export function outputTooLarge(codec: string, inputBytes: number, maxOutputBytes: number): SyncError {
  return new SyncError(
    'CODEC_OUTPUT_TOO_LARGE',
    `${inputBytes} bytes of ${codec} decode to more than the ${maxOutputBytes} bytes allowed.`,
  );
}
