import { createHash } from 'node:crypto';
import { openChain } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { type Op, someOps } from '../helpers/state-model.js';
import type { Site } from './site.js';

/** A chain whose blocks change a state, and a store that has it. */
export interface Source {
  readonly documents: readonly Uint8Array[];
  readonly ops: readonly (readonly Op[])[];
  /** Where the store is. */
  readonly location: string;
}

const BATCH = 500;

/** Text that compresses to about half, the same for the same height. */
function textOf(height: number, bytes: number): string {
  let text = '';
  for (let part = 0; text.length < bytes; part++)
    text += createHash('sha256').update(`${height}/${part}`).digest('hex');
  return text.slice(0, bytes);
}

/** Makes a chain: its blocks are about so many bytes each. */
export function makeDocuments(blocks: number, bytes: number): Pick<Source, 'documents' | 'ops'> {
  const ops = someOps(blocks);
  const documents = sealedChain(blocks, (height) => ({
    timestamp: 1_700_000_000_000 + height * 1000,
    ops: ops[height],
    text: textOf(height, bytes),
  }));
  return { documents, ops };
}

/** Makes a chain and puts it into a store. */
export async function makeSource(site: Site, blocks: number, bytes = 700, name = 'source'): Promise<Source> {
  const location = site.path(name);
  const { documents, ops } = makeDocuments(blocks, bytes);
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  try {
    for (let from = 0; from < blocks; from += BATCH) await chain.append(documents.slice(from, from + BATCH));
  } finally {
    await chain.close();
  }
  return { documents, ops, location };
}

/** The hash that a sealed block has, computed from its bytes alone. */
export function hashOf(document: Uint8Array): string {
  const text = Buffer.from(document).toString();
  const start = text.indexOf('"height"');
  return createHash('sha256')
    .update(`{${text.slice(start)}`)
    .digest('hex');
}
