import { SyncError } from '../../../src/errors/index.js';
import { type Curve, recoverAddress } from './recover.js';
import type { Seal, SealedHeader } from './extra.js';

/** How many validators have to seal: of Besu and GoQuorum since 2020, or of GoQuorum before. */
export type Quorum = 'ceil(2n/3)' | '2f+1';

/** More than any chain has. Each costs the recovery of a public key. */
export const MAX_VALIDATORS = 1_024;

/** What seals are checked against. */
export interface SealChecks {
  readonly height: number;
  /** Who may seal; `null` where nobody says so: then any signature does. */
  readonly validators: readonly string[] | null;
  readonly quorum: Quorum;
  readonly curve: Curve;
}

/** The number of seals that a block needs. */
export function needed(validators: number, quorum: Quorum): number {
  return quorum === '2f+1' ? 2 * (Math.ceil(validators / 3) - 1) + 1 : Math.ceil((2 * validators) / 3);
}

/**
 * Checks that each commit seal is canonical and by another validator, and that there are enough of them.
 *
 * @throws SyncError `SIGNATURE_INVALID`
 */
export function verifySeals(
  { commits, kind }: SealedHeader,
  checks: SealChecks & { readonly validators: readonly string[] },
): void {
  const { height, validators, quorum } = checks;
  const least = Math.max(1, needed(validators.length, quorum));
  // Counted before the first key is recovered; of too many one is by the same validator as another, or by none.
  if (commits.length < least)
    throw invalid(
      height,
      `It has ${commits.length} commit seals; ${validators.length} validators need ${least}`,
    );
  const sealers = new Set<string>();
  for (const [index, seal] of commits.entries()) {
    const address = verifySeal(seal, `Seal ${index} (${kind})`, checks);
    if (sealers.has(address))
      throw invalid(checks.height, `Seal ${index} is a second one by the validator ${address}`);
    sealers.add(address);
  }
}

/** @returns who made it */
export function verifySeal(seal: Seal, what: string, { height, validators, curve }: SealChecks): string {
  const found = recoverAddress(seal.bytes, seal.digest, curve);
  if ('fault' in found) throw invalid(height, `${what} ${found.fault}`);
  if (validators?.includes(found.address) === false)
    throw invalid(
      height,
      `${what} is by ${found.address}, which is none of its ${validators.length} validators`,
    );
  return found.address;
}

export function invalid(height: number, why: string): SyncError {
  return new SyncError('SIGNATURE_INVALID', `Block ${height} is not sealed as its chain demands. ${why}.`, {
    height,
  });
}
