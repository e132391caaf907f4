import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Coding, GZIP } from '../http/content-encoding.js';

/** `Accept-Encoding` of a client whose bodies are read by {@link decodedBody}. */
export const DECODED_ENCODINGS = GZIP;

/** Each piece costs a way through the thread pool and back: with the default of 16 KiB small blocks take a fifth longer. */
const PIECE_BYTES = 64 * 1024;

/** The content of a response whose body is read from `source`. Its failures come out where it is read. */
export function decodedBody(source: Readable, coding: Coding): Readable {
  if (coding !== GZIP) return source;
  const decoder = createGunzip({ chunkSize: PIECE_BYTES });
  // Who reads is told by the read. An error that comes after the reader has gone would end the process: nobody listens then.
  decoder.on('error', () => undefined);
  return pipeline(source, decoder, () => undefined);
}

/** Whether decoding failed because the very first bytes are no gzip: then the label is wrong, not the line. */
export function isMislabelled(error: unknown): boolean {
  return error instanceof Error && error.message === 'incorrect header check';
}
