/** Canonical decimal spelling of a height (protocol section 1.3). */
const HEIGHT = /^(?:0|[1-9][0-9]{0,15})$/;

/** Reads a height; `null` for every spelling but the canonical one and for anything above 2^53−1. */
export function parseHeight(text: string): number | null {
  if (!HEIGHT.test(text)) return null;
  const height = Number(text);
  return Number.isSafeInteger(height) ? height : null;
}
