import { createHash } from 'node:crypto';

/** What a representation of a range is made of: two that agree in all of it have the same bytes. */
export interface Representation {
  readonly chainId: string | null;
  readonly from: number;
  /** Last height served, and the hash there, which stands for all blocks below it; `null` for an empty range. */
  readonly last: { readonly height: number; readonly hash: string } | null;
  readonly mediaType: string;
  readonly encoding: string;
}

/** A strong entity tag (RFC 9110 section 8.8.3). */
export function entityTag({ chainId, from, last, mediaType, encoding }: Representation): string {
  const parts = [chainId, from, last?.height ?? null, last?.hash ?? null, mediaType, encoding];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  return `"${digest.slice(0, 32)}"`;
}
