/** `12,345` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `976 MB`, `5.5 MB`, `0.14 MB`; `–` for none. */
export function megabytes(bytes: number | null): string {
  if (bytes === null || Number.isNaN(bytes)) return NONE;
  const value = bytes / 1e6;
  if (value >= 9.95) return `${whole(value)} MB`;
  return `${value.toFixed(value < 0.995 ? 2 : 1)} MB`;
}

/** `2.4×`; `–` for none. */
export function times(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return NONE;
  return `${ratio < 99.5 ? ratio.toFixed(2) : Math.round(ratio).toLocaleString('en')}×`;
}

/** `37 %`; `–` for none. */
export function percent(part: number | null): string {
  return part === null || !Number.isFinite(part) ? NONE : `${(part * 100).toFixed(0)} %`;
}

/** `12.3 s`, or `3:05 min` from two minutes on. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(seconds < 9.95 ? 2 : 1)} s`;
  const rounded = Math.round(seconds);
  return `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, '0')} min`;
}

/** `12.3 s`, `0.14 s`, of milliseconds; `–` for none. */
export function seconds(ms: number | null): string {
  return ms === null || Number.isNaN(ms) ? NONE : duration(ms / 1000);
}

/** `68 ms`, `5.5 ms`, `0.14 ms`; `–` for none. */
export function milliseconds(ms: number | null): string {
  if (ms === null || Number.isNaN(ms)) return NONE;
  if (ms >= 9.95) return `${whole(ms)} ms`;
  return `${ms.toFixed(ms < 0.995 ? 2 : 1)} ms`;
}

/** Stands where there is no figure. */
export const NONE = '–';
