import { parseHeight } from '../height.js';

/** Header of an answer to a request with `parent_hash`: the height of the server's head (protocol section 2.3). */
export const CHAIN_HEAD = 'x-chain-head';
/** Its value for an empty chain. */
export const NO_HEAD = 'none';

/** Whether a server says that its head is below a height. One that says nothing, as an older one, does not. */
export function isHeadBelow(value: string | null, height: number): boolean {
  if (value === null) return false;
  const head = parseHeight(value);
  return head === null || head < height;
}
