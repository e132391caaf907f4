import {
  accepting,
  list,
  object,
  oneOf,
  readOptions,
  type SpecOf,
  text,
  withDefault,
} from '../../src/internal/options/index.js';
import { readCertificate } from './pem.js';

/** An organisation whose orderers sign blocks. */
export interface FabricOrderer {
  /** Id of its MSP: `OrdererMSP`. */
  readonly mspId: string;
  /** Certificates of its root authorities, in PEM. */
  readonly roots: readonly string[];
  /** Certificates of authorities between a root and an orderer, in PEM; none by default. */
  readonly intermediates?: readonly string[];
  /** Serial numbers of certificates that don't count any more, in hex; none by default. */
  readonly revoked?: readonly string[];
  /**
   * Whether a certificate must be of the unit `orderer`, as those of channels with node OUs are.
   *
   * @defaultValue `'any'`
   */
  readonly unit?: 'any' | 'required';
}

/** Options of {@link fabric}. */
export interface FabricOptions {
  /**
   * Whose orderers sign blocks. Each block but the first must have the signature of one of them. Empty: a block needs no
   * signature, and one that is there is checked with the certificate beside it, which anybody can make.
   *
   * @defaultValue `[]`
   */
  readonly orderers?: readonly FabricOrderer[];
  /**
   * Whether the transactions of each block must be proved. Of configuration in JSON they can't be, for JSON loses the order
   * of its entries: such blocks have to come as `{"raw":"…"}`, or are not checked with `optional`.
   *
   * @defaultValue `'required'`
   */
  readonly data?: 'required' | 'optional';
  /**
   * Whether members that these rules don't know are taken; nothing covers them, so that any peer can add them.
   *
   * @defaultValue `'any'`
   */
  readonly members?: 'any' | 'known';
}

const pem = accepting(
  'one certificate in PEM',
  (value): value is string => typeof value === 'string' && readCertificate(value) !== null,
);
const serial = accepting(
  'a serial number in hex',
  (value): value is string => typeof value === 'string' && /^[0-9a-fA-F]{1,64}$/.test(value),
);

/** Readers of the options. */
export const FABRIC_OPTIONS = {
  orderers: withDefault(
    list(
      object({
        mspId: text(),
        roots: list(pem, { min: 1 }),
        intermediates: withDefault(list(pem), []),
        revoked: withDefault(list(serial), []),
        unit: withDefault(oneOf(['any', 'required']), 'any'),
      }),
    ),
    [],
  ),
  data: withDefault(oneOf(['required', 'optional']), 'required'),
  members: withDefault(oneOf(['any', 'known']), 'any'),
} satisfies SpecOf<FabricOptions>;

/** Options, complete and checked; what `structuredClone` takes. */
export type FabricSettings = Required<FabricOptions>;

/** @throws TypeError */
export function readFabricOptions(options: FabricOptions): FabricSettings {
  const read = readOptions('fabric', options, FABRIC_OPTIONS);
  const ids = read.orderers.map(({ mspId }) => mspId);
  if (new Set(ids).size < ids.length) throw new TypeError('fabric: `orderers` has an `mspId` twice.');
  return read;
}
