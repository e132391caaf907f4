import { parseWeighted, type Weighted } from './quality.js';

/** The token for bytes that are sent as they are. */
export const IDENTITY = 'identity';
/** The token that all of HTTP's clients know, and the one that ours ask for and decode. */
export const GZIP = 'gzip';

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
  return items.find(({ value }) => value === token || (token === GZIP && value === 'x-gzip'))?.q;
}
