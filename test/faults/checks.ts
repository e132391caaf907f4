import { createHash } from 'node:crypto';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import { type Chain, isSyncError, openChain } from '../../src/index.js';
import { linesOf, replay } from '../helpers/state-model.js';
import { acknowledgedIn, type Life } from './journal.js';
import { Missed, must } from './row.js';
import { hashOf, type Source } from './source.js';

/** What a store was found to hold. */
export interface Held {
  /** −1 for none. */
  readonly head: number;
}

/** What a store has to agree with besides its source. */
export interface Told {
  readonly lives: readonly Life[];
  /** Whether the blocks' changes were applied. */
  readonly hasState: boolean;
}

/**
 * Opens a store that no one has open, and checks it against its source: every height from 0 to the head, with the
 * source's bytes, a hash that is computed again, and the link to the block before; at or above the last block that was
 * told to be durable; and the state that a clean replay comes to.
 *
 * @throws Missed at the first thing that is wrong, with its height
 */
export async function checkStore(location: string, source: Source, told: Told): Promise<Held> {
  const acknowledged = acknowledgedIn(told.lives);
  const chain = await opened(location);
  try {
    const head = chain.tip().head?.height ?? -1;
    must(head >= acknowledged, `block ${acknowledged} was acknowledged, the store ends at ${head}`);
    must(head < source.documents.length, `the store ends at ${head}, its source before`);
    await checkBlocks(chain, source, head);
    if (told.hasState) await checkState(chain, source, head);
    return { head };
  } catch (error) {
    throw isSyncError(error) ? new Missed(`the store can't be read: ${error.code} ${error.message}`) : error;
  } finally {
    await chain.close();
  }
}

async function opened(location: string): Promise<Chain> {
  try {
    return await openChain({ storage: levelStorage({ location }) });
  } catch (error) {
    if (!isSyncError(error)) throw error;
    throw new Missed(`the store does not open: ${error.code} ${error.message}`);
  }
}

async function checkBlocks(chain: Chain, { documents }: Source, head: number): Promise<void> {
  let next = 0;
  let previousHash: string | null = null;
  for await (const frames of chain.read({ from: 0, to: Number.MAX_SAFE_INTEGER })) {
    for (const frame of frames) {
      const { height, bytes, hash, previousHash: parent } = chain.decode(frame);
      must(height === next, `block ${next} is missing`);
      must(Buffer.compare(bytes, documents[height] ?? new Uint8Array()) === 0, `block ${height} is another`);
      must(hash === hashOf(bytes), `block ${height} has another hash`);
      must(previousHash === null || parent === previousHash, `block ${height} has another parent`);
      previousHash = hash;
      next += 1;
    }
  }
  must(next === head + 1, `block ${next} is missing below the head ${head}`);
}

async function checkState(chain: Chain, { ops }: Source, head: number): Promise<void> {
  const digest = (lines: readonly string[]): string =>
    createHash('sha256').update(lines.join('\n')).digest('hex');
  const [found, wanted] = [digest(await linesOf(chain)), digest(replay(ops.slice(0, head + 1)))];
  must(found === wanted, `the state at ${head} is not that of a clean replay`);
}

/**
 * Checks what a handler was handed: within one life each block once, in order; a life after it begins no higher than
 * one above the last. Blocks that come again after a life was cut are counted.
 *
 * @param upTo - height that the last life has to have been handed; `null` where nothing was.
 * @returns how many blocks were handed again.
 * @throws Missed
 */
export function checkJournal(lives: readonly Life[], { documents }: Source, upTo: number | null): number {
  let last = -1;
  let again = 0;
  for (const { handed } of lives) {
    let expected: number | null = null;
    for (const [height, hash] of handed) {
      must(height === expected || (expected === null && height <= last + 1), `${height} was out of order`);
      must(hash === hashOf(documents[height] ?? new Uint8Array()), `${height} was handed with another hash`);
      if (height <= last) again += 1;
      expected = height + 1;
      last = Math.max(last, height);
    }
  }
  must(upTo === null || last === upTo, `the handler was handed blocks up to ${last} of ${upTo ?? -1}`);
  return again;
}
