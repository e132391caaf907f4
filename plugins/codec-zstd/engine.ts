import * as zlib from 'node:zlib';
import type { Transform } from 'node:stream';
import { SyncError } from '../../src/errors/index.js';
import { CODECS } from '../../src/internal/codecs.js';

interface EngineOptions {
  readonly params?: Readonly<Record<number, number>>;
  readonly chunkSize?: number;
  readonly maxOutputLength?: number;
}

/** The part of `node:zlib` that only newer versions of Node have. */
export interface ZstdEngine {
  zstdCompressSync(bytes: Uint8Array, options: EngineOptions): Buffer;
  zstdDecompressSync(bytes: Uint8Array, options: EngineOptions): Buffer;
  createZstdCompress(options: EngineOptions): Transform;
  createZstdDecompress(options: EngineOptions): Transform;
}

/** Parameters by their numbers in `zstd.h`, which are part of its stable interface. */
export const COMPRESSION_LEVEL = 100;
export const WINDOW_LOG = 101;
export const CHECKSUM_FLAG = 201;
export const DECODER_WINDOW_LOG_MAX = 100;

/** Whether this Node can do zstd. */
export function zstdSupported(): boolean {
  return typeof (zlib as Partial<ZstdEngine>).zstdDecompressSync === 'function';
}

/** @throws SyncError `CODEC_UNAVAILABLE` where Node has no zstd */
export function zstdEngine(): ZstdEngine {
  if (zstdSupported()) return zlib as unknown as ZstdEngine;
  const message = `The codec "zstd" needs ${CODECS.zstd.needs}; this is Node ${process.versions.node}.`;
  throw new SyncError('CODEC_UNAVAILABLE', message);
}
