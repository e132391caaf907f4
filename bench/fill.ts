import { type ChainConfig, openChain } from '../src/index.js';
import { tilesMade } from './checkout.js';
import type { Workload } from './workloads.js';

/** What a store was filled with. */
export interface Filled {
  readonly documentBytes: number;
  readonly blocks: number;
  /** Of the newest block. */
  readonly headHash: string;
}

/** Makes a store of a workload's blocks, with all their tiles. */
export async function fill(
  place: string | ChainConfig['storage'],
  workload: Pick<Workload, 'chain' | 'documents'>,
): Promise<Filled> {
  const storage = typeof place === 'string' ? ({ use: 'leveldb', location: place } as const) : place;
  const chain = await openChain({ storage, chain: workload.chain });
  let documentBytes = 0;
  let batch: Uint8Array[] = [];
  for await (const document of workload.documents()) {
    documentBytes += document.byteLength;
    batch.push(document);
    if (batch.length === 100) {
      await chain.append(batch);
      batch = [];
    }
  }
  await chain.append(batch);
  const { head } = chain.tip();
  await tilesMade(chain);
  await chain.close();
  if (head === null) throw new Error('The workload has no blocks.');
  return { documentBytes, blocks: head.height + 1, headHash: head.hash };
}
