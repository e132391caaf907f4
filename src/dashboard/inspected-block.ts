import type { Frame } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { notFound } from '../server/problem.js';
import type { WatchedChain } from './watched.js';

/** A larger document is not shown. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** A block with what this node has verified of it. */
export interface InspectedBlock {
  readonly headers: Readonly<Record<string, string>>;
  readonly document: Uint8Array;
}

/**
 * Reads the block at a height for people to look at, as it is in the store: nothing is checked here, the page checks it.
 *
 * @throws SyncError `BAD_REQUEST`, `NOT_FOUND`, `BLOCK_TOO_LARGE`, `STORE_*`
 */
export async function inspectedBlock(chain: WatchedChain | null, text: string): Promise<InspectedBlock> {
  const height = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(height)) throw new SyncError('BAD_REQUEST', 'A height is a whole number.');
  if (chain === null) throw notFound();
  const frame = await frameAt(chain, height);
  if (frame === null) throw new SyncError('NOT_FOUND', `Block ${height} is not held here.`, { height });
  const { documentBytes } = frame;
  // Before it is decoded.
  if (documentBytes > MAX_DOCUMENT_BYTES) {
    const message = `Block ${height} has ${documentBytes} bytes; up to ${MAX_DOCUMENT_BYTES} are shown.`;
    throw new SyncError('BLOCK_TOO_LARGE', message, { height });
  }
  const { bytes, hash, previousHash } = chain.decode(frame);
  const headers = {
    'content-type': 'application/json',
    'x-block-hash': hash,
    'x-block-previous-hash': previousHash,
  };
  return { headers, document: bytes };
}

async function frameAt(chain: WatchedChain, height: number): Promise<Frame | null> {
  for await (const [frame = null] of chain.read({ from: height, to: height })) return frame;
  return null;
}
