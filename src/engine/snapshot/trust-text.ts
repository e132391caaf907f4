const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A length of time in the largest unit of which there are two: `14 days`, `36 hours`; small ones in milliseconds. */
export function durationText(ms: number): string {
  const [name, length] = UNITS.find(([, unit]) => ms >= 2 * unit) ?? ['ms', 1];
  return length === 1 ? `${Math.round(ms)} ms` : `${Math.round((ms / length) * 10) / 10} ${name}s`;
}
