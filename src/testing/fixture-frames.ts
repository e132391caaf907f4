import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { BlockRef, CommitBatch, CommitBlock, Frame, StateChange } from '../contracts/index.js';

/** What a made-up frame may differ in. */
export interface FrameOptions {
  readonly height: number;
  /** Hash of the block below; default 64 zeros. */
  readonly previousHash?: string;
  /** Tells blocks of the same height apart. */
  readonly branch?: string;
  /** Length of the encoded bytes. Default 40. */
  readonly bytes?: number;
  /** Wire name of the codec. Default `identity`. */
  readonly codec?: string;
}

const ROOT = '0'.repeat(64);

/** Identity of the stores that the made-up blocks go into. */
export const FIXTURE_IDENTITY = { chain: 'made-up', chainId: 'one' };

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A frame with a hash and bytes that follow from the options: what a storage plugin sees of a block. */
function fixtureFrame(options: FrameOptions): Frame {
  const { height, previousHash = ROOT, branch = 'main', bytes = 40, codec = 'identity' } = options;
  const digest = sha256(`${branch} ${height} ${previousHash}`);
  return {
    header: {
      height,
      hash: digest.toString('hex'),
      previousHash,
      timestamp: height % 2 === 0 ? null : height,
    },
    codec,
    bytes: patternOf(digest, bytes),
    documentBytes: bytes * 3,
  };
}

/** Bytes that follow from a digest. The loop is plain: the frames have megabytes, and every importer makes them. */
function patternOf(digest: Uint8Array, length: number): Uint8Array {
  const pattern = new Uint8Array(length);
  for (let at = 0; at < length; at++) pattern[at] = (digest[at % 32] ?? 0) ^ (at >> 5);
  return pattern;
}

/** A run of linked frames. */
export function fixtureFrames(
  count: number,
  {
    on = null,
    from = 0,
    ...more
  }: Omit<FrameOptions, 'height'> & { on?: BlockRef | null; from?: number } = {},
): readonly Frame[] {
  const frames: Frame[] = [];
  let below = on;
  for (let i = 0; i < count; i++) {
    const height = below === null ? from : below.height + 1;
    const frame = fixtureFrame({ ...more, height, ...(below === null ? {} : { previousHash: below.hash }) });
    frames.push(frame);
    below = frame.header;
  }
  return frames;
}

/** How many bytes each document has, and whether it is a gzip frame. */
export interface DocumentKind {
  readonly bytes: number;
  readonly isGzip?: boolean;
}

/** A run of linked frames that hold real documents: what a store sees that makes tiles. */
export function documentFrames(
  kinds: readonly DocumentKind[],
  more: { readonly on?: BlockRef | null; readonly from?: number; readonly branch?: string } = {},
): readonly Frame[] {
  return fixtureFrames(kinds.length, more).map((frame, at) => {
    const { bytes, isGzip = false } = kinds[at] as DocumentKind;
    const text = `{"hash":"${frame.header.hash}","height":${frame.header.height},"filler":"`;
    const document = Buffer.from(text.padEnd(bytes - 2, 'a line of text that compresses. ') + '"}');
    return {
      ...frame,
      codec: isGzip ? 'gzip' : 'identity',
      bytes: isGzip ? gzipSync(document, { level: 1 }) : document,
      documentBytes: document.byteLength,
    };
  });
}

/** A batch of frames; the changes of the state go with the frames in order. What is final is confirmed. */
export function fixtureBatch(
  frames: readonly Frame[],
  changes: readonly (readonly StateChange[])[] = [],
  finalized: BlockRef | null = null,
): CommitBatch {
  const blocks = frames.map((frame, at): CommitBlock => ({ frame, changes: changes[at] ?? [] }));
  return { rollbackTo: null, blocks, confirmed: finalized, finalized, identity: FIXTURE_IDENTITY };
}

/** Height and hash of a frame. */
export function refOf({ header }: Frame): BlockRef {
  return { height: header.height, hash: header.hash };
}

/** A change of an account; `null` removes it. */
export function account(key: string, value: string | null): StateChange {
  return { table: 'accounts', key, value: value === null ? null : Buffer.from(value) };
}
