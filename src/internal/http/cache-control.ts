import type { CachePolicy } from '../../contracts/index.js';

/** What an answer says of itself. */
export interface Freshness {
  /** Seconds that it may be used without asking again; `null` when it has to be asked for each time. */
  readonly maxAgeSeconds: number | null;
  /** Whether it must not be changed on the way. Default `false`. */
  readonly isExact?: boolean;
}

/** The longest time that HTTP caches respect. */
export const ONE_YEAR_SECONDS = 31_536_000;

/**
 * The value of `Cache-Control` (RFC 9111 section 5.2.2; `immutable`: RFC 8246). What is asked for each time is the same
 * under `private` and `public`: no cache gives it out without the server's word.
 */
export function cacheControl(policy: CachePolicy, { maxAgeSeconds, isExact = false }: Freshness): string {
  return [...directives(policy, maxAgeSeconds), ...(isExact ? ['no-transform'] : [])].join(', ');
}

function directives(policy: CachePolicy, maxAgeSeconds: number | null): readonly string[] {
  if (policy === 'no-store') return ['no-store'];
  if (maxAgeSeconds === null) return ['no-cache'];
  const immutable = maxAgeSeconds === ONE_YEAR_SECONDS ? ['immutable'] : [];
  return [policy, `max-age=${maxAgeSeconds}`, ...immutable];
}
