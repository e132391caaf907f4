import { malformed, requiredMember } from '../../../src/internal/json/index.js';
import { BFT_MIX, type Block, fieldOf } from '../block.js';
import { encodeHeader } from '../header.js';
import { keccakBytes, toHex } from '../keccak.js';
import { decode } from '../rlp-decode.js';
import { looksLikeClique, readClique } from './clique.js';
import {
  readIbft1,
  readIbft2,
  type Reading,
  readQbft,
  type SealedHeader,
  type SealedInput,
} from './extra.js';
import { foreign, refuseForeign } from './foreign.js';
import { MAX_VALIDATORS } from './seals.js';

const VANITY = 32;

/**
 * Reads what a block says of those who made it, in whichever form it is: chains change theirs.
 *
 * @param epochBlocks - length of an epoch of Clique.
 * @throws SyncError `BLOCK_MALFORMED` naming what is wrong with the form
 */
export function readSealed(block: Block, epochBlocks: number): SealedHeader {
  refuseForeign(block.scan);
  const form = readForm(block, epochBlocks);
  const count = form.validators?.length ?? 0;
  if (count <= MAX_VALIDATORS) return form;
  throw malformed(extraAt(block), `extra data that names ${count} validators, more than ${MAX_VALIDATORS},`);
}

function readForm(block: Block, epochBlocks: number): SealedHeader {
  const { fields, header } = block;
  const input = { fields, extra: fieldOf(fields, 'extraData') };
  if (toHex(fieldOf(fields, 'mixHash')) === BFT_MIX) return readBft(block, input);
  if (!looksLikeClique(input))
    throw foreign('a header of Ethereum, by proof of work or stake, of CometBFT or of an L2');
  const beginsEpoch = header.height % epochBlocks === 0;
  const form = required(block, readClique(input, beginsEpoch));
  if (form.vote === null || !beginsEpoch || header.height === 0) return form;
  throw malformed(requiredMember(block.scan, 'miner').start, 'a vote in the first block of an epoch');
}

function readBft(block: Block, input: SealedInput): SealedHeader {
  const readings = [readIbft2(input), readQbft(input), readIbft1(input)];
  const forms = readings.filter((reading) => typeof reading !== 'string');
  const { height, hash } = block.header;
  // In two of them at once is a vote to add somebody in a round of more than 16 million.
  const form = forms.find((one) => toHex(one.hash) === hash) ?? forms[0];
  if (form === undefined) throw unread(block, input, readings);
  return height === 0 ? { ...form, hash: keccakBytes(encodeHeader(input.fields)) } : form;
}

function required(block: Block, reading: Reading): SealedHeader {
  if (typeof reading !== 'string') return reading;
  throw malformed(extraAt(block), `extra data that has ${reading}`);
}

function unread(block: Block, { extra }: SealedInput, readings: readonly Reading[]): Error {
  const [ibft2, qbft, ibft1] = readings as readonly string[];
  const isWhole = decode(extra) !== null && extra.length > VANITY;
  if (!isWhole && isHotStuff(extra)) return foreign('extra data of HotStuff, as in Zion');
  const why =
    ibft2 === qbft ? `${ibft2 ?? ''} (IBFT2, QBFT)` : `${ibft2 ?? ''} (IBFT2), ${qbft ?? ''} (QBFT)`;
  return malformed(extraAt(block), `extra data that has ${isWhole ? why : `${ibft1 ?? ''} (IBFT1)`}`);
}

function isHotStuff(extra: Uint8Array): boolean {
  const items = decode(extra.subarray(VANITY));
  return Array.isArray(items) && items.length === 4;
}

function extraAt({ scan }: Block): number {
  return requiredMember(scan, 'extraData').start;
}
