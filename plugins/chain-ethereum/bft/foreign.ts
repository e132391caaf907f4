import { type Document, malformed } from '../../../src/internal/json/index.js';
import { isPresent } from '../header.js';

/** Members by which blocks of other families give themselves away, and what those are. */
const BY_MEMBER: Readonly<Record<string, string>> = {
  extDataHash: 'Avalanche',
  blockExtraData: 'Avalanche',
  l1BatchNumber: 'ZKsync',
  sendRoot: 'Arbitrum',
  l1BlockNumber: 'Arbitrum',
};

/** Names of the members that are looked for. */
export const FOREIGN_NAMES: readonly string[] = Object.keys(BY_MEMBER);

const WAY_ON =
  '`ethereum` proves headers and bodies without seals, `linked:number,hash,parentHash` proves links only';

/** Refuses a block of a family whose makers can't be checked here. @throws SyncError `BLOCK_MALFORMED` */
export function refuseForeign(block: Document): void {
  const name = FOREIGN_NAMES.find((member) => isPresent(block, member));
  if (name !== undefined) throw foreign(`a header of ${BY_MEMBER[name] ?? name} (it has "${name}")`);
}

/** The error for a block in no form of these rules. */
export function foreign(what: string): Error {
  return malformed(0, `${what}: evm-bft is for IBFT1, IBFT2, QBFT and Clique; ${WAY_ON}`);
}
