const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/** A moment; milliseconds would not do, for all its nanoseconds are hashed and signed. */
export interface Time {
  /** Since 1970. */
  readonly seconds: bigint;
  /** Of the second, 0 to 999,999,999. */
  readonly nanos: number;
  /** Digits of the fraction as it was spelled. */
  readonly digits: string;
}

/** Reads a time in UTC as RFC 3339 has it; `null` for any other text, and for a day that no calendar has. */
export function parseTime(text: string): Time | null {
  const [, whole = '', digits = ''] = TIME.exec(text) ?? [];
  const ms = Date.parse(`${whole}Z`);
  if (whole === '' || Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(whole)) return null;
  return { seconds: BigInt(ms / 1000), nanos: Number(digits.padEnd(9, '0')), digits };
}
