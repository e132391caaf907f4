import { createECDH, ECDH } from 'node:crypto';

const CURVE = 'prime256v1';
/** The field's prime and the order of the group, of P-256 (SEC 2, section 2.4.2). */
const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const UNCOMPRESSED = 4;

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/**
 * The public key that made a signature on P-256 (SEC 1, section 4.1.6), 65 bytes; `null` where none did. Node verifies such
 * signatures and multiplies points, but gives only one coordinate of what it multiplies: which of the two points it was
 * shows in the next multiple. All numbers here are public.
 *
 * @param seal - r, s, and 1 where y of the signature's point is odd, else 0.
 */
export function recoverP256(seal: Uint8Array, digest: Uint8Array): Uint8Array | null {
  const [r, s] = [numberOf(seal.subarray(0, 32)), numberOf(seal.subarray(32, 64))];
  if (r === 0n || r >= ORDER || s === 0n || s >= ORDER) return null;
  const inverse = inverseOf(r, ORDER);
  const onBase = remainder(-numberOf(digest) * inverse, ORDER);
  const onPoint = (s * inverse) % ORDER;
  try {
    const point = pointAt(r, seal[64] === 1);
    const added = add(multipleOfBase(onBase), multiple(point, onPoint));
    return Buffer.concat([Buffer.of(UNCOMPRESSED), bytesOf(added.x), bytesOf(added.y)]);
  } catch {
    // No point has this x, or what is added is none: no signature leads there but by design.
    return null;
  }
}

/** @throws Error where there is none */
function pointAt(x: bigint, isOdd: boolean): Point {
  const compressed = Buffer.concat([Buffer.of(isOdd ? 3 : 2), bytesOf(x)]);
  return pointOf(ECDH.convertKey(compressed, CURVE, undefined, undefined, 'uncompressed') as Buffer);
}

function multipleOfBase(factor: bigint): Point {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(bytesOf(factor));
  return pointOf(ecdh.getPublicKey());
}

function multiple(point: Point, factor: bigint): Point {
  const found = pointAt(xOfMultiple(point, factor), false);
  const next = xOfMultiple(point, factor + 1n);
  return add(found, point).x === next ? found : { x: found.x, y: PRIME - found.y };
}

function xOfMultiple({ x, y }: Point, factor: bigint): bigint {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(bytesOf(factor));
  return numberOf(ecdh.computeSecret(Buffer.concat([Buffer.of(UNCOMPRESSED), bytesOf(x), bytesOf(y)])));
}

/** @throws TypeError for points with the same x */
function add(one: Point, other: Point): Point {
  if (one.x === other.x) throw new TypeError('These points have one x.');
  const slope = (other.y - one.y) * inverseOf(remainder(other.x - one.x, PRIME), PRIME);
  const x = remainder(slope * slope - one.x - other.x, PRIME);
  return { x, y: remainder(slope * (one.x - x) - one.y, PRIME) };
}

/** By Euclid. */
function inverseOf(value: bigint, modulus: bigint): bigint {
  let [rest, last] = [value, modulus];
  let [factor, before] = [1n, 0n];
  while (rest > 1n) {
    const times = last / rest;
    [rest, last] = [last - times * rest, rest];
    [factor, before] = [before - times * factor, factor];
  }
  return remainder(factor, modulus);
}

function remainder(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function pointOf(key: Buffer): Point {
  return { x: numberOf(key.subarray(1, 33)), y: numberOf(key.subarray(33)) };
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
