const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number, with its digits in groups of three. */
export function grouped(value: number): string {
  return GROUPED.format(value);
}

/** `3 blocks`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A rate: one decimal below 10. */
export function rate(value: number): string {
  return value < 9.95 && value > 0 ? value.toFixed(1) : grouped(value);
}

/** A number of bytes, as a number and a unit. */
export function byteParts(bytes: number): readonly [number: string, unit: string] {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return [unit > 0 && value < 99.95 ? value.toFixed(1) : grouped(value), units[unit] ?? 'B'];
}

/** A number of bytes. */
export function bytesText(bytes: number): string {
  return byteParts(bytes).join(' ');
}

/** A time, in its greatest unit or two. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms > 0 && seconds === 0) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** The time of day. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

/**
 * A share in percent. Cut and never rounded up: `100 %` is only what is whole.
 *
 * @returns an empty text where there is nothing to have a share of.
 */
export function share(part: number, whole: number): string {
  if (whole <= 0) return '';
  if (part >= whole) return '100 %';
  return `${(Math.floor((Math.max(0, part) / whole) * 1000) / 10).toFixed(1)} %`;
}

/** The two ends of a hash. */
export function shortHash(hash: string): string {
  return hash.length <= 18 ? hash : `${hash.slice(0, 10)}…${hash.slice(-6)}`;
}
