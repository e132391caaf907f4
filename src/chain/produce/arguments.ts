import {
  accepting,
  objectWith,
  optional,
  readOptions,
  refusal,
  type ValuesOf,
} from '../../internal/options/index.js';
import { hasHalfPair } from '../state/faults.js';
import type { ProduceOptions } from './requests.js';

/** Longest idempotency key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 255;

const key = accepting<string>(
  `a text of 1 to ${MAX_KEY_BYTES} bytes of UTF-8`,
  (value): value is string =>
    typeof value === 'string' &&
    value !== '' &&
    !hasHalfPair(value) &&
    new TextEncoder().encode(value).length <= MAX_KEY_BYTES,
);

/** Readers of the options of `produce`. */
export const PRODUCE_CALL = {
  signal: optional(objectWith<AbortSignal>('an AbortSignal', ['addEventListener'])),
  idempotencyKey: optional(key),
} satisfies Record<keyof ProduceOptions, unknown>;

/** Checks what `produce` is given beside records. @throws TypeError */
export function produceOptions(options: ProduceOptions): ValuesOf<typeof PRODUCE_CALL> {
  return readOptions('produce', options, PRODUCE_CALL);
}

/** The error of a chain whose configuration allows no blocks to be produced. */
export function cannotProduce(why: string): TypeError {
  return refusal({ owner: 'produce', path: '' }, why);
}
