import { parseWeighted, type Weighted } from '../../../src/internal/http/quality.js';

/** Media types of a range, the preferred one first. */
const MEDIA_TYPES = ['application/json', 'application/x-ndjson'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

/**
 * Chooses the form of a range by `Accept` (RFC 9110 section 12.5.1). A client that takes neither gets JSON, which it
 * may still be able to use.
 */
export function chooseMediaType(accept: string | null): MediaType {
  const items = parseWeighted(accept ?? '*/*');
  const [first, ...others] = MEDIA_TYPES.map((type) => ({ type, ...rangeFor(items, type) }));
  let best = first as { type: MediaType; q: number; specificity: number };
  for (const other of others) {
    // Of two that are wanted alike the one that was named is meant: curl and libraries add `*/*` by themselves.
    const closer = other.q === best.q && other.specificity > best.specificity;
    if (other.q > 0 && (other.q > best.q || closer)) best = other;
  }
  return best.type;
}

/** Weight of the most specific media range that fits. */
function rangeFor(
  items: readonly Weighted[],
  type: MediaType,
): { readonly q: number; readonly specificity: number } {
  const ranges = ['*/*', 'application/*', type];
  for (let specificity = ranges.length - 1; specificity >= 0; specificity--) {
    const item = items.find(({ value }) => value === ranges[specificity]);
    if (item !== undefined) return { q: item.q, specificity };
  }
  return { q: 0, specificity: -1 };
}
