import { hasPublicKeyForm } from './secp256k1-form.js';

/** Signature schemes of blocks (protocol section 1.7). */
export type ProducerScheme = 'secp256k1' | 'ed25519';

const KEY = /^[0-9a-f]{64}$/;
/** With such a key anyone can make a signature of anything: the points of small order (RFC 8032, section 5.1). */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  // The same two points as above with a sign that x = 0 does not have.
  `01${'00'.repeat(30)}80`,
  `ec${'ff'.repeat(31)}`,
]);
/** A y of 2^255−19 and above: a second spelling of a small y. */
const TOO_LARGE = /^(?:e[d-f]|f[0-9a-f])(?:ff){30}[7f]f$/;

/**
 * The scheme of a producer's public key by its text: 66 digits are a compressed key of secp256k1, 64 digits one of
 * Ed25519, all lower-case hex. `null` for anything else, for a second spelling of a key, and for a key of Ed25519 that
 * proves nothing. Whether it is a point of the curve is not looked at.
 */
export function producerScheme(text: string): ProducerScheme | null {
  if (hasPublicKeyForm(text)) return 'secp256k1';
  return KEY.test(text) && !SMALL_ORDER.has(text) && !TOO_LARGE.test(text) ? 'ed25519' : null;
}
