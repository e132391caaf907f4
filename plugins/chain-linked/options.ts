import { accepting, readOptions, type SpecOf } from '../../src/internal/options/index.js';

/** Names of the top-level members that hold a block's place. Each 1 to 64 characters, without white space, comma, quote or backslash. */
export interface LinkedOptions {
  /** The height: a JSON integer, a decimal string or a `0x` string. */
  readonly height: string;
  /** The block's hash: a string, opaque. */
  readonly hash: string;
  /** The parent's hash: a string, opaque. */
  readonly previousHash: string;
}

const NAME = /^[^\s,"\\\p{C}]{1,64}$/u;
const PREFIX = 'linked:';

const name = accepting(
  'a name of 1 to 64 characters without white space, comma, quote or backslash',
  (value): value is string => typeof value === 'string' && NAME.test(value),
);

/** Readers of the options. */
export const LINKED_OPTIONS = {
  height: name,
  hash: name,
  previousHash: name,
} satisfies SpecOf<LinkedOptions>;

/**
 * The full name of the rules: `linked:number,hash,parentHash`.
 *
 * @throws TypeError when a name is unfit, or used twice.
 */
export function linkedId(options: LinkedOptions): string {
  const { height, hash, previousHash } = readOptions('linked', options, LINKED_OPTIONS);
  const names = [height, hash, previousHash];
  if (new Set(names).size < names.length)
    throw new TypeError(`linked: the three names must be different, not ${names.join()}.`);
  return PREFIX + names.join();
}

/**
 * Reads the full name of linked rules, as a status document or a command line states it.
 *
 * @throws TypeError when it is none.
 */
export function parseLinkedId(id: string): LinkedOptions {
  const [height, hash, previousHash, ...more] = id.startsWith(PREFIX)
    ? id.slice(PREFIX.length).split(',')
    : [];
  if (height === undefined || hash === undefined || previousHash === undefined || more.length > 0) {
    throw new TypeError(`Not of the form linked:HEIGHT,HASH,PARENT: ${JSON.stringify(id)}.`);
  }
  const options = { height, hash, previousHash };
  linkedId(options);
  return options;
}
