import {
  accepting,
  type Reader,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../src/internal/options/index.js';

/** Unit of the times of blocks; `rfc3339` is text, as `2021-12-17T20:27:47.875954829Z`. */
export type TimestampUnit = 's' | 'ms' | 'us' | 'ns' | 'rfc3339';

const TIMESTAMP_UNITS: readonly TimestampUnit[] = ['s', 'ms', 'us', 'ns', 'rfc3339'];

/**
 * Paths of the members that hold a block's place: `number`, or `block.header.height` for a member of a member. Each is 1 to 8
 * names, with a dot between two, of 1 to 64 characters without white space, comma, quote, backslash or dot. A top-level
 * member whose name has the dots in it is meant as well.
 */
export interface LinkedOptions {
  /** The height: a JSON integer, a decimal string or a `0x` string. */
  readonly height: string;
  /** The block's hash: a string, opaque. */
  readonly hash: string;
  /** The parent's hash: a string, opaque. In the first block of a chain it may be missing, `""` or `null`. */
  readonly previousHash: string;
  /**
   * The time: an integer, a decimal string or a `0x` string, or text as `timestampUnit` says. A block whose time can't be read
   * has none.
   *
   * @defaultValue `null`: blocks have no time
   */
  readonly timestamp?: string | null;
  /**
   * Unit of `timestamp`, which needs it.
   *
   * @defaultValue `null`
   */
  readonly timestampUnit?: TimestampUnit | null;
}

const NAME = String.raw`[^\s,"\\.\p{C}]{1,64}`;
const PATH = new RegExp(String.raw`^${NAME}(?:\.${NAME}){0,7}$`, 'u');
const PREFIX = 'linked:';
const FORM = 'linked:HEIGHT,HASH,PARENT or linked:HEIGHT,HASH,PARENT,TIME,UNIT';

const path: Reader<string> = accepting(
  'a path of 1 to 8 names of 1 to 64 characters without white space, comma, quote or backslash',
  (value): value is string => typeof value === 'string' && PATH.test(value),
);

const optionalPath = accepting(
  'a path of 1 to 8 names, or null',
  (value): value is string | null => value === null || (typeof value === 'string' && PATH.test(value)),
);

const unit = accepting(
  `one of ${TIMESTAMP_UNITS.join(', ')}, or null`,
  (value): value is TimestampUnit | null =>
    value === null || (TIMESTAMP_UNITS as readonly unknown[]).includes(value),
);

/** Readers of the options. */
export const LINKED_OPTIONS = {
  height: path,
  hash: path,
  previousHash: path,
  timestamp: withDefault<string | null>(optionalPath, null),
  timestampUnit: withDefault<TimestampUnit | null>(unit, null),
} satisfies SpecOf<LinkedOptions>;

/**
 * The full name of the rules: `linked:number,hash,parentHash`.
 *
 * @throws TypeError when a path is unfit, or used twice, or a time has no unit.
 */
export function linkedId(options: LinkedOptions): string {
  const { height, hash, previousHash, timestamp, timestampUnit } = readOptions(
    'linked',
    options,
    LINKED_OPTIONS,
  );
  const paths = [height, hash, previousHash, ...(timestamp === null ? [] : [timestamp])];
  if (new Set(paths).size < paths.length)
    throw new TypeError(`linked: the names must be different, not ${paths.join()}.`);
  if ((timestamp === null) !== (timestampUnit === null))
    throw new TypeError('linked: `timestamp` and `timestampUnit` need each other.');
  return PREFIX + [...paths, ...(timestampUnit === null ? [] : [timestampUnit])].join();
}

/**
 * Reads the full name of linked rules, as a status document or a command line states it.
 *
 * @throws TypeError when it is none.
 */
export function parseLinkedId(id: string): LinkedOptions {
  const parts = id.startsWith(PREFIX) ? id.slice(PREFIX.length).split(',') : [];
  const [height, hash, previousHash, timestamp, timestampUnit] = parts;
  const isComplete = parts.length === 3 || parts.length === 5;
  if (height === undefined || hash === undefined || previousHash === undefined || !isComplete) {
    throw new TypeError(`Not of the form ${FORM}: ${JSON.stringify(id)}.`);
  }
  const place = { height, hash, previousHash };
  const time = timestamp === undefined ? {} : { timestamp, timestampUnit: timestampUnit as TimestampUnit };
  const options: LinkedOptions = { ...place, ...time };
  linkedId(options);
  return options;
}
