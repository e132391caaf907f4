import { createHash } from 'node:crypto';
import { MerkleTree } from '../../plugins/transport-snapshot/merkle.js';

const repeated = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length));

/** Texts of about so many bytes that cost more than others when values are made of them; each is the value of a member. */
export const BOMBS: Readonly<Record<string, (bytes: number) => string>> = {
  'nested arrays': (bytes) => `${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`,
  'nested objects': (bytes) => `${repeated('{"a":', (bytes * 5) / 6)}1${'}'.repeat(Math.ceil(bytes / 6))}`,
  'small objects': (bytes) => `[${repeated('{},', bytes)}{}]`,
  'small arrays': (bytes) => `[${repeated('[],', bytes)}[]]`,
  'small numbers': (bytes) => `[${repeated('1,', bytes)}1]`,
  members: (bytes) => `{${repeated('"a":1,', bytes)}"b":1}`,
  'a long number': (bytes) => '7'.repeat(bytes),
  'a long string': (bytes) => `"${'x'.repeat(bytes)}"`,
  escapes: (bytes) => `"${repeated('\\u0041', bytes)}"`,
  'white space': (bytes) => `${' '.repeat(bytes)}1`,
};

/** A document with a bomb as one of its members, the others as they should be. */
export function withBomb(valid: object, member: string, bomb: string): Buffer {
  const others = Object.fromEntries(Object.entries(valid).filter(([name]) => name !== member));
  return Buffer.from(`{${JSON.stringify(member)}:${bomb},${JSON.stringify(others).slice(1)}`);
}

/** The JSON of a manifest in order with so many parts; nobody has signed it. */
export function largeManifest(count: number, change: object = {}): Buffer {
  const tree = new MerkleTree();
  const parts = Array.from({ length: count }, (_, offset) => {
    const hash = createHash('sha256').update(String(offset)).digest();
    tree.add(hash);
    return `{"offset":${offset},"length":1,"rawLength":1,"sha256":"${hash.toString('hex')}"}`;
  });
  const members = { ...MANIFEST, size: count, rawSize: count, root: tree.root().toString('hex'), ...change };
  return Buffer.from(`{"parts":[${parts.join(',')}],${JSON.stringify(members).slice(1)}`);
}

const HASH = '0'.repeat(64);

/** Members of a manifest without its parts, sizes and root. */
export const MANIFEST = {
  version: 1,
  id: 'recent-9-a',
  chainId: 'c',
  chain: 'sealed-json',
  type: 'recent',
  height: 9,
  base: 0,
  blockHash: HASH,
  timestamp: 1,
  codec: 'gzip',
  hash: HASH,
  signatures: [],
} as const;

/** A status document. */
export const STATUS = { protocol: 1, chain: 'sealed-json', chainId: 'c', base: 0, head: null };
