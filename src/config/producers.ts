import type { ProducerSet } from '../chain/producers.js';
import type { Plugin } from '../contracts/index.js';
import {
  accepting,
  checkDistinct,
  height,
  inside,
  list,
  object,
  type Reader,
  refusal,
  type Where,
  withDefault,
} from '../internal/options/index.js';
import { producerScheme } from '../internal/producer-key-form.js';

/** The public key of a producer. */
export const producerKey: Reader<string> = accepting(
  'the public key of a producer, which is 66 lower-case hex digits for secp256k1 and 64 for Ed25519',
  (value): value is string => typeof value === 'string' && producerScheme(value) !== null,
);
const sets = list(object({ from: height(), keys: list(producerKey, { min: 1 }) }));

/** Who may write blocks: ascending heights, and no key twice for one height. */
export const producers: Reader<readonly ProducerSet[]> = withDefault(
  {
    ...sets,
    read(value, where) {
      const read = sets.read(value, where);
      for (const [index, { from, keys }] of read.entries()) {
        const here = inside(where, `[${index}]`);
        checkDistinct(keys, inside(here, '.keys'));
        const before = read[index - 1];
        if (before !== undefined && from <= before.from)
          throw refusal(
            inside(here, '.from'),
            `must be above ${before.from}, the one before it; it is ${from}.`,
          );
      }
      return read;
    },
  },
  [],
);

/** @throws TypeError for built-in rules whose blocks have no signatures. */
export function checkSignedRules(chain: string | null, passed: readonly Plugin[], where: Where): void {
  if (chain === null || chain === 'sealed-json') return;
  if (passed.some(({ kind, name }) => kind === 'chain' && name === chain)) return;
  throw refusal(
    where,
    `need chain rules with signed blocks, as \`sealed-json\`; those of ${chain} have none.`,
  );
}
