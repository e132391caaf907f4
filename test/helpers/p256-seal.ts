import { createECDH } from 'node:crypto';
import { digestOf, hex, type Validator } from './qbft-chain.js';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const publicOf = (key: Uint8Array): Buffer => {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(key);
  return ecdh.getPublicKey();
};

/** The inverse by Fermat: the order is a prime. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (let power = value, left = ORDER - 2n; left > 0n; left >>= 1n, power = (power * power) % ORDER)
    if ((left & 1n) === 1n) result = (result * power) % ORDER;
  return result;
}

/** A validator with a key on P-256 that a number names. */
export async function p256Validator(seed: number): Promise<Validator> {
  const key = Buffer.alloc(32, seed + 1);
  const address = hex((await digestOf(publicOf(key).subarray(1))).subarray(12));
  return { address, key, sign: (digest) => p256Seal(digest, key) };
}

/** Signs a digest by ECDSA on P-256: r, low s, and whether y of the point is odd. */
async function p256Seal(digest: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  const nonce = numberOf(await digestOf(Buffer.concat([digest, key]))) % ORDER;
  const point = publicOf(bytesOf(nonce));
  const r = numberOf(point.subarray(1, 33)) % ORDER;
  const s = (inverse(nonce) * (numberOf(digest) + r * numberOf(key))) % ORDER;
  const isHigh = s * 2n > ORDER;
  const isOdd = ((point.at(-1) ?? 0) & 1) === 1;
  return Buffer.concat([bytesOf(r), bytesOf(isHigh ? ORDER - s : s), Buffer.of(isOdd === isHigh ? 0 : 1)]);
}
