import type { SignatureScheme, TrustOptions } from '../../contracts/index.js';

/** What a host states about whom to trust; at least one of `signers` and `hash`. */
export interface TrustConfig {
  /** Public keys that count. Default none. */
  readonly signers?: readonly string[];
  /** How many different ones of them have to have signed, at least 1. Default 1. */
  readonly threshold?: number;
  /** SHA-256 of the one snapshot document that is taken without a signature, in lower-case hex. Default none. */
  readonly hash?: string | null;
  /** A signed snapshot made longer ago than this is refused, in milliseconds; `null` for any age. Default 14 days. */
  readonly maxAgeMs?: number | null;
}

/** Default of `maxAgeMs`: 14 days. */
export const DEFAULT_MAX_AGE_MS = 14 * 24 * 60 * 60_000;

const NAMES: readonly string[] = ['signers', 'threshold', 'hash', 'maxAgeMs'] satisfies (keyof TrustConfig)[];

/**
 * Completes and checks trust settings.
 *
 * @param scheme - checks that the signers are public keys; without it only their form as text is looked at.
 * @throws TypeError for settings that can't be meant, also for a member of another name: a `threshold` that is spelt
 * wrong must not become 1.
 */
export function trustOptions(
  config: TrustConfig,
  scheme: Pick<SignatureScheme, 'id' | 'isPublicKey'> | null = null,
): TrustOptions {
  const unknown = Object.keys(config).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`\`trust\` has no member \`${unknown}\`.`);
  const { signers = [], threshold = 1, hash = null, maxAgeMs = DEFAULT_MAX_AGE_MS } = config;
  checkSigners(signers, scheme);
  checkHash(hash);
  if (signers.length === 0 && hash === null) throw new TypeError('`trust` needs `signers` or a `hash`.');
  checkThreshold(threshold, signers.length);
  checkMaxAge(maxAgeMs);
  return { signers: [...signers], threshold, hash, maxAgeMs };
}

function checkSigners(
  signers: readonly unknown[],
  scheme: Pick<SignatureScheme, 'id' | 'isPublicKey'> | null,
): void {
  if (!Array.isArray(signers)) throw new TypeError('`trust.signers` must be an array of public keys.');
  for (const [index, signer] of signers.entries()) {
    if (typeof signer !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(signer)) {
      throw new TypeError(`\`trust.signers[${index}]\` must be a public key, not ${text(signer)}.`);
    }
    if (scheme !== null && !scheme.isPublicKey(signer)) {
      throw new TypeError(
        `\`trust.signers[${index}]\` is not a public key as ${scheme.id} spells it: ${signer}.`,
      );
    }
    if (signers.indexOf(signer) !== index) {
      throw new TypeError(`\`trust.signers[${index}]\` stands there twice: ${signer}.`);
    }
  }
}

function checkHash(hash: unknown): void {
  if (hash === null || (typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash))) return;
  throw new TypeError(`\`trust.hash\` must be a SHA-256 in 64 lower-case hex digits, not ${text(hash)}.`);
}

function checkThreshold(threshold: unknown, signers: number): void {
  // With a hash alone the default stands and means nothing.
  const most = Math.max(1, signers);
  if (Number.isSafeInteger(threshold) && Number(threshold) >= 1 && Number(threshold) <= most) return;
  throw new TypeError(
    `\`trust.threshold\` must be an integer from 1 to ${most}, the number of signers, not ${text(threshold)}.`,
  );
}

function checkMaxAge(maxAgeMs: unknown): void {
  if (maxAgeMs === null || (typeof maxAgeMs === 'number' && Number.isFinite(maxAgeMs) && maxAgeMs > 0))
    return;
  throw new TypeError(`\`trust.maxAgeMs\` must be a positive number or null, not ${text(maxAgeMs)}.`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
