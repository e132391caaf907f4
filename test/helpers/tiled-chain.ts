import type { ExecutionContext } from 'ava';
import type { Chain } from '../../src/chain/chain.js';
import { openChain } from '../../src/index.js';
import { sealedChain } from './sealed-chain.js';
import { tempDir } from './temp-dir.js';

/** Documents of about 40 KB, of which 64 or 128 are a tile: they compress well. */
export function tiledDocuments(count: number): Uint8Array[] {
  return sealedChain(count, (height) => ({ records: [`block ${height} `.repeat(4_000)] }));
}

/** A chain on disk whose blocks are all final, as far as `finality` says nothing else, and in tiles where they decide one. */
export async function openTiled(
  location: string,
  documents: readonly Uint8Array[],
  finality: { readonly depth: number } | null = { depth: 0 },
): Promise<Chain> {
  const chain = await openChain({ storage: { use: 'leveldb', location }, finality });
  await chain.append(documents);
  await chain.tilesMade();
  return chain;
}

/** The same, until a test ends. */
export async function tiledChain(
  t: Pick<ExecutionContext, 'teardown'>,
  documents: readonly Uint8Array[],
  finality?: { readonly depth: number } | null,
): Promise<Chain> {
  const chain = await openTiled(tempDir(t), documents, finality);
  t.teardown(() => chain.close());
  return chain;
}
