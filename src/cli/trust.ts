import { Option } from 'commander';
import type { SignatureScheme, TrustOptions } from '../contracts/index.js';
import { trustOptions } from '../config/trust.js';
import { UsageError } from './exit.js';
import { positive, texts } from './options.js';

/** What a command was told of whom to trust. */
export interface TrustArguments {
  readonly trust?: readonly string[];
  readonly threshold: number;
  readonly trustHash?: string;
}

/** Options that say whose snapshots are taken, spelled and explained once. */
export const TRUST_OPTION = {
  trust: (): Option =>
    new Option('--trust <keys...>', 'public keys whose snapshots are taken; without any, none is').argParser(
      texts,
    ),
  threshold: (): Option =>
    new Option('--threshold <m>', 'how many of those keys have to have signed')
      .argParser(positive)
      .default(1),
  hash: (): Option =>
    new Option(
      '--trust-hash <sha256>',
      'hash of the one snapshot document that is taken without a signature',
    ),
};

/** Whom to trust; `null` when nobody was named. @throws UsageError for what can't be meant */
export async function trustOf(options: TrustArguments): Promise<TrustOptions | null> {
  const { trust: signers = [], threshold } = options;
  const hash = options.trustHash ?? null;
  if (signers.length === 0 && hash === null) return null;
  try {
    return trustOptions({ signers, threshold, hash }, await signatureScheme());
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Whom to trust, by a command that can't do without. @throws UsageError */
export async function requiredTrust(options: TrustArguments): Promise<TrustOptions> {
  const trust = await trustOf(options);
  if (trust === null) throw new UsageError('Say whom to trust: --trust or --trust-hash.');
  return trust;
}

/** The built-in signature scheme. */
export async function signatureScheme(): Promise<SignatureScheme> {
  const { secp256k1 } = await import('../../plugins/signer-secp256k1/index.js');
  return secp256k1().create();
}
