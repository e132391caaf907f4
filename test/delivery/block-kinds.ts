import { createHash } from 'node:crypto';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';

/** What a block is filled with. */
export type Content = 'one byte' | 'text' | 'random';

/** A block that is to be made. */
export interface BlockKind {
  /** Of the document; what its seal takes is the least. */
  readonly bytes: number;
  readonly content: Content;
}

const START = '{"data":"';
const END = '"}';

/** A chain of blocks of these kinds; the same for the same kinds. */
export function chainOf(kinds: readonly BlockKind[]): readonly Uint8Array[] {
  const documents: Uint8Array[] = [];
  let previousHash = SEALED_JSON_GENESIS;
  for (const [height, { bytes, content }] of kinds.entries()) {
    const place = { height, previousHash };
    const least = seal(Buffer.from(START + END), place).document.length;
    const filled = fill(Math.max(0, bytes - least), content, height);
    const { document, hash } = seal(Buffer.concat([Buffer.from(START), filled, Buffer.from(END)]), place);
    documents.push(document);
    previousHash = hash;
  }
  return documents;
}

function fill(bytes: number, content: Content, seed: number): Buffer {
  if (content === 'one byte') return Buffer.alloc(bytes, '/');
  if (content === 'text')
    return Buffer.alloc(bytes, `Patient ${seed} was seen; pulse 7${seed}, temperature normal. `);
  return noise(bytes, seed);
}

/** Base64 of what no codec shrinks. */
function noise(bytes: number, seed: number): Buffer {
  const pieces: Buffer[] = [];
  for (let made = 0, counter = 0; made < bytes; made += 44, counter++) {
    pieces.push(Buffer.from(createHash('sha256').update(`${seed} ${counter}`).digest('base64')));
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}
