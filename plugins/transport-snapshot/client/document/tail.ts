import { corrupt } from './corrupt.js';
import type { Input } from './input.js';

/** What a snapshot document says of itself behind what it holds. */
export interface DocumentTail {
  readonly hash: string;
  readonly signer: string;
  readonly signature: string;
}

const MAX_TAIL_BYTES = 1024;
/** Keys and signatures are hex in any scheme there is; any printable ASCII that needs no escape is let through. */
const WORD = '[ !#-\\[\\]-~]{0,256}';
const TAIL = new RegExp(`^,"hash":"([0-9a-f]{64})","signer":"(${WORD})","signature":"(${WORD})"\\}`);

/** Reads the members behind `blocks` up to the end of the document, and requires that nothing follows. */
export async function readTail(input: Input): Promise<DocumentTail> {
  const text = await rest(input);
  const found = TAIL.exec(text);
  if (found === null) throw corrupt('its last members are not hash, signer and signature in this order');
  const [all, hash = '', signer = '', signature = ''] = found;
  if (text.length > all.length) throw corrupt('something follows behind its end');
  return { hash, signer, signature };
}

/** As much as a tail may have and one byte more; what comes behind that is not read any more. */
async function rest(input: Input): Promise<string> {
  let text = '';
  do {
    const { bytes } = input.chunk;
    text += Buffer.from(bytes.subarray(input.at, input.at + MAX_TAIL_BYTES)).toString('latin1');
    input.at = bytes.length;
  } while (text.length <= MAX_TAIL_BYTES && (await input.more()));
  return text;
}
