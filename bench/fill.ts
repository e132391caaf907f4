import { openChain } from '../src/index.js';
import type { Workload } from './workloads.js';

/** Makes a store of a workload's blocks. @returns the bytes of its documents. */
export async function fill(
  location: string,
  workload: Pick<Workload, 'chain' | 'documents'>,
): Promise<number> {
  const chain = await openChain({ storage: { use: 'leveldb', location }, chain: workload.chain });
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
  await chain.close();
  return documentBytes;
}
