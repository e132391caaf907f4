import { keccakBytes } from './keccak.js';
import { encode, type Item } from './rlp.js';

/** A value of the trie and the path to it, as nibbles. */
interface Leaf {
  readonly path: Uint8Array;
  readonly value: Uint8Array;
}

const NOTHING = new Uint8Array();
/** Shorter nodes stand in their parent, all others by their hash. */
const HASH_BYTES = 32;
const EMPTY_ROOT = keccakBytes(encode(NOTHING));

/**
 * Root of the Merkle Patricia trie of a list (yellow paper, appendix D): each value under the RLP of its index. That is
 * what a header has of its transactions and withdrawals.
 *
 * Own code, since it is on the path of every block and has to be synchronous; tests compare it with `@ethereumjs/mpt`.
 */
export function listRoot(values: readonly Uint8Array[]): Uint8Array {
  if (values.length === 0) return EMPTY_ROOT;
  const leaves = values.map((value, index): Leaf => ({ path: nibblesOf(encode(bigEndian(index))), value }));
  leaves.sort((a, b) => Buffer.compare(a.path, b.path));
  return keccakBytes(encode(nodeOf(leaves, 0, leaves.length, 0)));
}

/**
 * The node above some leaves. No path is the beginning of another, so only leaves have values.
 *
 * @param from - first of the leaves, which are in order. @param to - behind the last.
 * @param depth - nibbles of their paths that led here.
 */
function nodeOf(leaves: readonly Leaf[], from: number, to: number, depth: number): Item {
  const first = leaves[from] as Leaf;
  if (to - from === 1) return [compact(first.path.subarray(depth), true), first.value];
  const shared = sharedNibbles(first.path, (leaves[to - 1] as Leaf).path, depth);
  const branch = branchOf(leaves, from, to, depth + shared);
  return shared === 0
    ? branch
    : [compact(first.path.subarray(depth, depth + shared), false), reference(branch)];
}

function branchOf(leaves: readonly Leaf[], from: number, to: number, depth: number): Item {
  const children: Item[] = [];
  let start = from;
  for (let nibble = 0; nibble < 16; nibble++) {
    let end = start;
    while (end < to && (leaves[end] as Leaf).path[depth] === nibble) end++;
    children.push(end === start ? NOTHING : reference(nodeOf(leaves, start, end, depth + 1)));
    start = end;
  }
  return [...children, NOTHING];
}

function reference(node: Item): Item {
  const encoded = encode(node);
  return encoded.length < HASH_BYTES ? { encoded } : keccakBytes(encoded);
}

function sharedNibbles(a: Uint8Array, b: Uint8Array, from: number): number {
  let at = from;
  while (at < a.length && a[at] === b[at]) at++;
  return at - from;
}

/** A part of a path as it stands in a node: packed, with a mark of its kind and whether its length is odd. */
function compact(nibbles: Uint8Array, isLeaf: boolean): Uint8Array {
  const isOdd = nibbles.length % 2 === 1;
  const packed = new Uint8Array((nibbles.length >> 1) + 1);
  packed[0] = (isLeaf ? 0x20 : 0) + (isOdd ? 0x10 + (nibbles[0] as number) : 0);
  for (let from = isOdd ? 1 : 0, to = 1; from < nibbles.length; from += 2, to++)
    packed[to] = ((nibbles[from] as number) << 4) | (nibbles[from + 1] as number);
  return packed;
}

function nibblesOf(bytes: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(bytes.length * 2);
  for (const [at, byte] of bytes.entries()) {
    nibbles[2 * at] = byte >> 4;
    nibbles[2 * at + 1] = byte & 15;
  }
  return nibbles;
}

/** A whole number as RLP has it: without leading zeros, 0 as nothing. */
export function bigEndian(number: number): Uint8Array {
  const digits: number[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.from(digits);
}
