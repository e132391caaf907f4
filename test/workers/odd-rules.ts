import { threadId } from 'node:worker_threads';
import type { BlockHeader, ChainRules, ChainRulesPlugin } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';

/** What the last word of a document makes {@link createRules} do. */
const deeds: Readonly<Record<string, () => void>> = {
  exit: () => process.exit(7),
  spin() {
    for (;;);
  },
  rest() {
    const end = performance.now() + 2;
    while (performance.now() < end);
  },
  'type-error'() {
    throw new TypeError('an odd mistake');
  },
  'sync-error'() {
    const cause = new Error('the reason');
    throw new SyncError('BLOCK_MALFORMED', 'An odd block.', { peer: 'http://peer', cause });
  },
};

/** A document of these rules: anything may be in `more` that is no line feed. */
export function oddDocument(height: number, hash: string, previousHash: string, more = 'fine'): Buffer {
  return Buffer.concat([Buffer.from(`${height} ${hash} ${previousHash} `), Buffer.from(more, 'latin1')]);
}

function describe(document: Uint8Array): BlockHeader {
  const [height, hash, previousHash] = Buffer.from(document).toString('utf8').split(' ', 3);
  if (hash === undefined || previousHash === undefined) throw new SyncError('BLOCK_MALFORMED', 'No block.');
  return { height: Number(height), hash, previousHash, timestamp: null };
}

/** Rules for tests of what can go wrong: any bytes and any hashes, and as the timestamp the thread that checked a block. */
export function createRules(): ChainRules {
  return {
    id: 'odd',
    selfCertifying: false,
    genesisPreviousHash: null,
    describe,
    verify(document) {
      const word = Buffer.from(document).toString('latin1').split(' ', 4)[3];
      deeds[word ?? '']?.();
      return { ...describe(document), timestamp: threadId };
    },
  };
}

/** How a thread makes them. */
export const oddWorker: NonNullable<ChainRulesPlugin['worker']> = { module: import.meta.url, options: null };
