import type { Frame } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { notFound } from '../server/problem.js';
import type { WatchedChain } from './watched.js';

/** A larger document is not shown. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** Blocks that are read at once, of all who look. */
const MAX_READS = 4;

/** A block with what this node has verified of it. */
export interface InspectedBlock {
  readonly headers: Readonly<Record<string, string>>;
  readonly document: Uint8Array;
}

/** Reads blocks for people to look at. */
export class BlockInspector {
  #reads = 0;

  /**
   * Reads the block at a height, as it is in the store: nothing is checked here, the page checks it.
   *
   * @throws SyncError `NOT_FOUND`, `BLOCK_TOO_LARGE`, `SERVER_BUSY`, `STORE_*`
   */
  async read(chain: WatchedChain | null, text: string): Promise<InspectedBlock> {
    const height = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(height)) throw new SyncError('BAD_REQUEST', 'A height is a whole number.');
    if (chain === null) throw notFound();
    if (this.#reads >= MAX_READS)
      throw new SyncError('SERVER_BUSY', 'Others look at blocks.', { retryAfterMs: 1_000 });
    this.#reads += 1;
    try {
      return await inspected(chain, height);
    } finally {
      this.#reads -= 1;
    }
  }
}

async function inspected(chain: WatchedChain, height: number): Promise<InspectedBlock> {
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
    'content-length': String(bytes.byteLength),
    'x-block-hash': hash,
    'x-block-previous-hash': previousHash,
  };
  return { headers, document: bytes };
}

async function frameAt(chain: WatchedChain, height: number): Promise<Frame | null> {
  for await (const [frame = null] of chain.read({ from: height, to: height })) return frame;
  return null;
}
