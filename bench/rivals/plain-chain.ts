import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';

/** A block as the plain design handles it: an object. */
export interface PlainBlock {
  readonly hash: string;
  readonly height: number;
  readonly previousHash: string;
  readonly [member: string]: unknown;
}

/** What names a block's place in either of the chains that are measured; the plain chain has its own instead. */
const PLACE: ReadonlySet<string> = new Set(['hash', 'height', 'previousHash', 'number', 'parentHash']);

/**
 * Writes documents as a chain that survives what the plain design does, one a line: it parses and re-serialises its
 * blocks, so their hashes are over what `JSON.stringify` makes of them. The hash is SHA-256 whatever the chain was.
 */
export async function writePlainChain(file: string, documents: AsyncIterable<Uint8Array>): Promise<void> {
  const output = createWriteStream(file);
  let previousHash = SEALED_JSON_GENESIS;
  let height = 0;
  for await (const document of documents) {
    const members = Object.entries(JSON.parse(Buffer.from(document).toString()) as object);
    const payload = JSON.stringify(Object.fromEntries(members.filter(([name]) => !PLACE.has(name))));
    const { document: block, hash } = seal(Buffer.from(payload), { height, previousHash });
    if (!output.write(Buffer.concat([block, Buffer.from('\n')]))) await once(output, 'drain');
    previousHash = hash;
    height += 1;
  }
  output.end();
  await once(output, 'close');
}
