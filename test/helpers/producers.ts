import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  generateProducerKey,
  readProducerKey,
  SEALED_JSON_GENESIS,
  sealSigned,
} from '../../plugins/chain-sealed-json/index.js';
import type { BlockRef, BlockSigner } from '../../src/index.js';
import { tempDir } from './temp-dir.js';

/** Kinds of keys. */
export const SCHEMES = ['secp256k1', 'ed25519'] as const;

/** A new key. */
export async function producer(
  t: ExecutionContext,
  scheme: (typeof SCHEMES)[number] = 'ed25519',
): Promise<BlockSigner> {
  const path = join(tempDir(t), 'producer.key');
  await generateProducerKey(path, scheme);
  return readProducerKey(path);
}

/** A key that is written down, for documents that are the same each time. */
export async function fixedProducer(
  t: ExecutionContext,
  scheme: (typeof SCHEMES)[number],
  publicKey: string,
): Promise<BlockSigner> {
  const path = join(tempDir(t), 'fixed.key');
  const key = { format: 'blockferry-key', version: 1, scheme, publicKey, secretKey: '01'.repeat(32) };
  writeFileSync(path, JSON.stringify(key));
  chmodSync(path, 0o600);
  return readProducerKey(path);
}

/** Signed documents directly above a block; those of another branch have another label. */
export async function signedOn(
  parent: BlockRef | null,
  count: number,
  signer: BlockSigner,
  label = 'first',
): Promise<Uint8Array[]> {
  const documents: Uint8Array[] = [];
  let { height, hash } = parent ?? { height: -1, hash: SEALED_JSON_GENESIS };
  for (let made = 0; made < count; made++) {
    height += 1;
    const payload = Buffer.from(JSON.stringify({ timestamp: height, label }));
    const sealed = await sealSigned(payload, { height, previousHash: hash }, signer);
    documents.push(sealed.document);
    hash = sealed.hash;
  }
  return documents;
}

/** The block that a document is, without a check. */
export function refOf(document: Uint8Array): BlockRef {
  const { height, hash } = JSON.parse(Buffer.from(document).toString()) as BlockRef;
  return { height, hash };
}
