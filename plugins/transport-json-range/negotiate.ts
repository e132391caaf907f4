import { parseWeighted, type Weighted } from './quality.js';

/** Media types of a range, the preferred one first. */
export const MEDIA_TYPES = ['application/json', 'application/x-ndjson'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

export const IDENTITY = 'identity';

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

/**
 * Chooses the content encoding by `Accept-Encoding` (RFC 9110 section 12.5.3).
 *
 * @param offered - tokens other than `identity`, best first.
 * @returns one of them, or `identity`. A client that refuses only `identity` gets the best of the others.
 */
export function chooseEncoding(acceptEncoding: string | null, offered: readonly string[]): string {
  if (acceptEncoding === null || acceptEncoding.trim() === '') return IDENTITY;
  const items = parseWeighted(acceptEncoding);
  const weights = offered.map((token) => ({ token, q: weightOf(items, token) }));
  const plain = identityWeight(items);
  let best = { token: IDENTITY, q: plain };
  // Of two that are wanted alike the encoded one saves the client the bytes.
  for (const { token, q = 0 } of weights.toReversed()) if (q > 0 && q >= best.q) best = { token, q };
  if (best.q > 0) return best.token;
  return weights.find(({ q }) => q === undefined)?.token ?? IDENTITY;
}

/** What is not encoded is fine without being named, but wanted least. */
function identityWeight(items: readonly Weighted[]): number {
  return named(items, IDENTITY) ?? (named(items, '*') === 0 ? 0 : Number.MIN_VALUE);
}

function weightOf(items: readonly Weighted[], token: string): number | undefined {
  return named(items, token) ?? named(items, '*');
}

function named(items: readonly Weighted[], token: string): number | undefined {
  return items.find(({ value }) => value === token || (token === 'gzip' && value === 'x-gzip'))?.q;
}
