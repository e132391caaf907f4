import {
  accepting,
  oneOf,
  type Reader,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../src/internal/options/index.js';
import { targetOf } from './target.js';

/** Options of {@link bitcoin}. */
export interface BitcoinOptions {
  /**
   * The easiest target that a block may state, as its `bits`: `1d00ffff` on the main chain. Without it anybody can make blocks
   * that state a target for which no work is needed. How targets follow from each other is not checked.
   *
   * @defaultValue `null`: any, as on test chains
   */
  readonly easiestBits?: string | null;
  /**
   * Whether members that these rules don't know are taken, such as `mediantime`, `chainwork` and `difficulty`: nothing
   * covers them, so that any peer can change them.
   *
   * @defaultValue `'any'`
   */
  readonly members?: 'any' | 'known';
}

const bits: Reader<string | null> = accepting(
  'eight lower-case hex digits of a target, or null',
  (value): value is string | null =>
    value === null ||
    (typeof value === 'string' && /^[0-9a-f]{8}$/.test(value) && targetOf(Number(`0x${value}`)) !== null),
);

/** Readers of the options. */
export const BITCOIN_OPTIONS = {
  easiestBits: withDefault<string | null>(bits, null),
  members: withDefault(oneOf(['any', 'known']), 'any'),
} satisfies SpecOf<BitcoinOptions>;

/** Options, complete and checked; what `structuredClone` takes. */
export type BitcoinSettings = Required<BitcoinOptions>;

/** @throws TypeError */
export function readBitcoinOptions(options: BitcoinOptions): BitcoinSettings {
  return readOptions('bitcoin', options, BITCOIN_OPTIONS);
}
