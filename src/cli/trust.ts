import { Option } from 'commander';
import type { SignatureScheme, TrustOptions } from '../contracts/index.js';
import { keysOf, trustOptions } from '../config/trust.js';
import type { TrustConfig } from '../config/types.js';
import { UsageError } from './exit.js';
import { texts, wholeNumber } from './options.js';
import { planned } from './planned.js';

/** What a command was told of whom to trust. */
export interface TrustArguments {
  readonly trust?: readonly string[];
  readonly threshold?: number;
  readonly trustHash?: string;
}

/** Options that say whose snapshots are taken, spelled and explained once. */
export const TRUST_OPTION = {
  trust: (): Option =>
    new Option('--trust <keys...>', 'public keys whose snapshots are taken; without any, none is').argParser(
      texts,
    ),
  threshold: (): Option =>
    new Option('--threshold <m>', 'how many of those keys have to have signed (default: 1)').argParser(
      wholeNumber,
    ),
  hash: (): Option =>
    new Option(
      '--trust-hash <sha256>',
      'hash of the one snapshot document that is taken without a signature',
    ),
};

/** Whom to trust, for a plan to check; `null` when nobody was named. @throws UsageError for a threshold of nobody */
export function trustConfig({ trust, threshold, trustHash: hash }: TrustArguments): TrustConfig | null {
  if (trust !== undefined || hash !== undefined)
    return {
      ...(trust === undefined ? {} : { signers: trust }),
      ...(threshold === undefined ? {} : { threshold }),
      ...(hash === undefined ? {} : { hash }),
    };
  if (threshold !== undefined) throw new UsageError('--threshold needs --trust.');
  return null;
}

/** Whom to trust, by a command without an engine that can't do without. @throws UsageError */
export function requiredTrust(options: TrustArguments): TrustOptions {
  const config = trustConfig(options);
  if (config === null) throw new UsageError('Say whom to trust: --trust or --trust-hash.');
  return planned(() => trustOptions(config, keysOf([])));
}

/** The built-in signature scheme. */
export async function signatureScheme(): Promise<SignatureScheme> {
  const { secp256k1 } = await import('../../plugins/signer-secp256k1/index.js');
  return secp256k1().create();
}
