import type { AbortOptions, BlockHeader, ChainRules, Frame } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import type { Chain } from './chain.js';
import { checkLink, type NextPlace, nextHeight } from './links.js';

/**
 * Checks every block of a chain again from the bytes up: storage checksum, encoding, form, hash and link. Yields after
 * each batch how many blocks and bytes of documents it held.
 *
 * @param rules - the chain's own rules.
 * @throws SyncError `STORE_DAMAGED` naming the first height that is not as it was when it was stored.
 */
export async function* verifyChain(
  chain: Chain,
  rules: ChainRules,
  options: AbortOptions = {},
): AsyncGenerator<
  { readonly height: number; readonly blocks: number; readonly bytes: number },
  void,
  undefined
> {
  const { base, head } = chain.tip();
  if (head === null) return;
  let place: NextPlace = { head: null, base };
  for await (const frames of chain.read({ from: base, to: head.height }, options)) {
    let bytes = 0;
    for (const frame of frames) {
      place = { head: verifyFrame(chain, rules, frame, place), base };
      bytes += frame.documentBytes;
    }
    if (place.head !== null) yield { height: place.head.height, blocks: frames.length, bytes };
  }
  if (place.head?.hash === head.hash) return;
  throw damaged(
    place.head === null ? base : place.head.height,
    `The store's head is ${head.height} ${head.hash}.`,
  );
}

function verifyFrame(chain: Chain, rules: ChainRules, frame: Frame, place: NextPlace): BlockHeader {
  try {
    const header = rules.verify(chain.decode(frame).bytes, frame.header);
    checkLink(header, place, rules);
    return header;
  } catch (error) {
    if (!isSyncError(error) || error.code === 'STORE_DAMAGED') throw error;
    throw damaged(nextHeight(place), `${error.code}: ${error.message}`, error);
  }
}

function damaged(height: number, reason: string, cause?: SyncError): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is not what was stored. ${reason}`, {
    height,
    cause,
  });
}
