/** Bytes in a unit that a person reads: `12.3 MB` (powers of 1,000). */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** A number of things, in groups of three digits: `1,234 blocks`. */
export function countText(count: number, thing: string): string {
  return `${grouped(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** A whole number in groups of three digits: `1,234`. The first use of `Intl` would add 10 ms to a short command. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A time in the two largest units that apply: `3 s`, `2 min 5 s`, `1 h 10 min`; `–` while unknown. */
export function durationText(ms: number | null): string {
  if (ms === null) return '–';
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
