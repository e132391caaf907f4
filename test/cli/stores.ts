import { openChain } from '../../src/index.js';
import { ndjson } from '../helpers/sealed-chain.js';

/** Makes a store without a process, where a test is not about `import`. */
export async function makeStore(location: string, documents: readonly Uint8Array[]): Promise<void> {
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  await chain.append(documents);
  await chain.close();
}

/** What a store holds, as NDJSON, where a test is not about `export`. */
export async function storedLines(location: string): Promise<Buffer> {
  const chain = await openChain({ storage: { use: 'leveldb', location, createIfMissing: false } });
  const documents: Uint8Array[] = [];
  const { base, head } = chain.tip();
  for await (const frames of chain.read({ from: base, to: head?.height ?? base })) {
    documents.push(...frames.map((frame) => chain.decode(frame).bytes));
  }
  await chain.close();
  return ndjson(documents);
}
