import type { Plugin, SignatureScheme, TrustOptions } from '../contracts/index.js';
import {
  accepting,
  atMostAll,
  checkDistinct,
  duration,
  inside,
  list,
  nullable,
  object,
  optional,
  type Reader,
  refusal,
  type Where,
  unread,
  withDefault,
} from '../internal/options/index.js';
import { hasPublicKeyForm } from '../internal/secp256k1-form.js';
import type { TrustConfig } from './types.js';

/** Default of `maxAgeMs`: 14 days. */
export const DEFAULT_MAX_AGE_MS = 14 * 24 * 60 * 60_000;

type Keys = Pick<SignatureScheme, 'id' | 'isPublicKey'>;

const TRUST = {
  signers: withDefault(list(matching('a public key', /^[\x21-\x7e]{1,256}$/)), []),
  threshold: withDefault(unread('an integer from 1 to the number of signers'), 1),
  hash: optional(matching('a SHA-256 in 64 lower-case hex digits', /^[0-9a-f]{64}$/)),
  maxAgeMs: withDefault(nullable(duration({ max: Number.MAX_SAFE_INTEGER })), DEFAULT_MAX_AGE_MS),
} satisfies Record<keyof TrustConfig, Reader<unknown>>;

const trustObject = object(TRUST);

/** Whom to trust, as far as one can tell without the scheme of the keys; {@link checkKeys} is for the rest. */
export const trust: Reader<TrustOptions> = {
  expects: trustObject.expects,
  parts: { ...trustObject.parts },
  read(value, where) {
    const { signers, threshold, hash, maxAgeMs } = trustObject.read(value, where);
    checkDistinct(signers, inside(where, '.signers'));
    if (signers.length === 0 && hash === null) throw refusal(where, 'needs `signers` or a `hash`.');
    // With a hash alone the default stands and means nothing.
    const count = atMostAll(Math.max(1, signers.length), 'signers');
    return Object.freeze({
      signers,
      threshold: count.read(threshold, inside(where, '.threshold')),
      hash,
      maxAgeMs,
    });
  },
};

/** The scheme of the keys: the host's, or the built-in one, of which the form can be told without loading it. */
export function keysOf(plugins: readonly Plugin[]): Keys {
  const own = plugins.find((plugin) => plugin.kind === 'signature');
  return own === undefined ? { id: 'secp256k1', isPublicKey: hasPublicKeyForm } : own.create();
}

/** @throws TypeError for a text that is no key of the scheme. */
export function checkKeys({ signers }: TrustOptions, scheme: Keys, where: Where): void {
  for (const [index, signer] of signers.entries()) {
    if (scheme.isPublicKey(signer)) continue;
    const problem = `is not a public key as ${scheme.id} spells it: ${JSON.stringify(signer)}.`;
    throw refusal(inside(where, `.signers[${index}]`), problem);
  }
}

/**
 * Completes and checks trust settings by themselves.
 *
 * @param scheme - checks that the signers are public keys; without it only their form as text is looked at.
 * @throws TypeError
 */
export function trustOptions(config: TrustConfig, scheme: Keys | null = null): TrustOptions {
  const where = { owner: 'trust', path: 'trust' };
  const options = trust.read(config, where);
  if (scheme !== null) checkKeys(options, scheme, where);
  return options;
}

function matching(expects: string, form: RegExp): Reader<string> {
  return accepting(expects, (value): value is string => typeof value === 'string' && form.test(value));
}
