/** No heights: what a lenient reader of numbers takes for one, or for another one (protocol section 1.3). In a query, encoded. */
export const NO_HEIGHTS: readonly string[] = [
  '',
  '%201',
  '1%20',
  '%2B1',
  '-1',
  '-0',
  '01',
  '1.0',
  '1.5',
  '1e3',
  '0x10',
  '0b1',
  '0o7',
  '1_000',
  '1%2C2',
  '1n',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  '%EF%BC%91',
  '1%00',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999999999999',
];

/** No number of seconds to wait (protocol section 2.3.1). */
export const NO_WAITS: readonly string[] = ['', '-1', '01', '1.5', '1e3', '0x1', '1000000', 'true'];

/** Names that no stream may have (protocol section 2.2). */
export const NO_NAMES: readonly string[] = [
  '',
  'short',
  'a'.repeat(65),
  'with%20space-0123456789',
  'dot.0123456789012345678',
];
