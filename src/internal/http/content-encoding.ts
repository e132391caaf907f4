import { parseWeighted, type Weighted } from './quality.js';

/** The token for bytes that are sent as they are. */
export const IDENTITY = 'identity';
/** The token that all of HTTP's clients know, and the one that ours ask for and decode. */
export const GZIP = 'gzip';

/** A content encoding that this package decodes. */
export type Coding = typeof IDENTITY | typeof GZIP;

/** The encodings of IANA's registry but `identity`. Other words say nothing about the bytes. */
const IS_CODING: ReadonlySet<string> = new Set(
  'gzip x-gzip br zstd deflate compress x-compress dcb dcz aes128gcm exi pack200-gzip'.split(' '),
);

/**
 * Reads `Content-Encoding` (RFC 9110 section 8.4). Stores and proxies also write words there that are no encoding, such
 * as `none` and `UTF-8`: those bytes are taken as they are.
 *
 * @returns `null` for an encoding that is not decoded here, and for several behind each other.
 */
export function contentCoding(value: string | null | undefined): Coding | null {
  const words = (value ?? '').toLowerCase().split(',');
  const codings = words.map((word) => word.trim()).filter((word) => IS_CODING.has(word));
  const [coding = IDENTITY, ...more] = codings.map((word) => (word === 'x-gzip' ? GZIP : word));
  return more.length === 0 && (coding === IDENTITY || coding === GZIP) ? coding : null;
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
  return items.find(({ value }) => value === token || (token === GZIP && value === 'x-gzip'))?.q;
}
