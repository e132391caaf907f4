import { statfs } from 'node:fs/promises';
import { isSyncError } from '../../errors/index.js';
import { openPlanned } from '../../open-chain.js';
import { refText } from '../chain-summary.js';
import { storePlan } from '../options.js';
import { bytesText } from '../units.js';
import { broken, doubtful, fine, type Finding } from './check.js';

/** Less than this is soon used up, in bytes. */
const LITTLE_BYTES = 1024 ** 3;

/** Looks at a store: whether it opens, and whether there is room beside it. */
export async function checkStore(data: string): Promise<readonly Finding[]> {
  try {
    const chain = await openPlanned(storePlan({ data }, false), { onlyReads: true, needsRules: true });
    const { head } = chain.tip();
    await chain.close();
    const text = head === null ? 'it opens, and has no block yet' : `it opens; ${refText(head)}`;
    return [fine('store', text), await checkDisk(data)];
  } catch (error) {
    if (!isSyncError(error, 'STORE_LOCKED')) return [broken('store', error)];
    return [inUse(data), await checkDisk(data)];
  }
}

/** As that of a node that runs: nothing is wrong with it. */
function inUse(data: string): Finding {
  return doubtful(
    'store',
    'another process has it open, as a node that runs does; its contents were not looked at',
    `Ask its server with --peer, or look at a copy: \`blockferry backup --data ${data} COPY\`, then --data COPY.`,
  );
}

async function checkDisk(data: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(data);
  const text = `${bytesText(bavail * bsize)} are free`;
  if (bavail * bsize >= LITTLE_BYTES) return fine('disk', text);
  return doubtful('disk', text, 'Make room: a node whose disk is full stops.');
}
