import type { AbortOptions, ChainRules, Frame } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import type { Block } from './block.js';
import type { Chain } from './chain.js';
import { checkLink, type AppendPoint, nextHeight } from '../internal/links.js';
import { ValidatorCarry } from '../internal/validators.js';

/** What is checked. */
export interface VerifyOptions extends AbortOptions {
  /** Whether each block's own signature is checked, by the chain's `producers`. Default `false`. */
  readonly signatures?: boolean;
}

/**
 * Checks every block of a chain again from the bytes up: storage checksum, encoding, form, hash and link. Yields after
 * each batch how many blocks and bytes of documents it held.
 *
 * @param rules - the chain's own rules.
 * @throws SyncError `STORE_DAMAGED` naming the first height that is not as it was when it was stored; `PRODUCER_UNKNOWN`,
 *   `SIGNATURE_INVALID` for the first block that nobody has signed who may.
 */
export async function* verifyChain(
  chain: Chain,
  rules: ChainRules,
  options: VerifyOptions = {},
): AsyncGenerator<
  { readonly height: number; readonly blocks: number; readonly bytes: number },
  void,
  undefined
> {
  const { base, head } = chain.tip();
  if (head === null) return;
  let point: AppendPoint = { head: null, base };
  const carry = new ValidatorCarry(rules, null);
  for await (const frames of chain.read({ from: base, to: head.height }, options)) {
    let bytes = 0;
    for (const frame of frames) {
      const block = verifyFrame(chain, { rules, carry }, frame, point);
      if (options.signatures === true) chain.checkSignature(block);
      point = { head: block, base };
      bytes += frame.documentBytes;
    }
    if (point.head !== null) yield { height: point.head.height, blocks: frames.length, bytes };
  }
  if (point.head?.hash === head.hash) return;
  throw damaged(
    point.head === null ? base : point.head.height,
    `The store's head is ${head.height} ${head.hash}.`,
  );
}

function verifyFrame(
  chain: Chain,
  { rules, carry }: { readonly rules: ChainRules; readonly carry: ValidatorCarry },
  frame: Frame,
  point: AppendPoint,
): Block {
  try {
    const block = chain.decode(frame);
    const header = rules.verify(block.bytes, frame.header);
    checkLink(header, point, rules);
    carry.take(header, () => block.bytes);
    return block;
  } catch (error) {
    if (!isSyncError(error) || error.code === 'STORE_DAMAGED') throw error;
    throw damaged(nextHeight(point), `${error.code}: ${error.message}`, error);
  }
}

function damaged(height: number, reason: string, cause?: SyncError): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is not what was stored. ${reason}`, {
    height,
    cause,
  });
}
