import type { ChainSettings } from '../chain/settings.js';
import type { HttpFetch } from '../contracts/index.js';
import { DEFAULT_RETRY, type RetryOptions } from '../engine/backoff.js';
import type { EngineSettings } from '../engine/engine-parts.js';
import {
  accepting,
  atMostAll,
  boolean,
  checkDistinct,
  duration,
  func,
  height,
  integer,
  list,
  logger,
  nullable,
  object,
  optional,
  type Reader,
  refusal,
  text,
  unread,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';
import { LIMITS } from './limits.js';
import { peer } from './peers.js';
import type { SyncEngineConfig } from './types.js';

const RETRY = {
  // How often depends on whether the engine follows, unless the host says so.
  maxAttempts: withDefault<number | null>(attempts(), null),
  // No timer waits for it.
  giveUpAfterMs: withDefault<number | null | undefined>(
    nullable(duration({ max: Number.MAX_SAFE_INTEGER })),
    undefined,
  ),
  baseDelayMs: withDefault(duration(), DEFAULT_RETRY.baseDelayMs),
  maxDelayMs: withDefault(duration(), DEFAULT_RETRY.maxDelayMs),
  quickForMs: withDefault(duration({ min: 0 }), DEFAULT_RETRY.quickForMs),
} satisfies Record<keyof RetryOptions, Reader<number | null | undefined>>;

/** Readers of what says from whom an engine takes blocks and how far, on every platform. */
export const RUN = {
  peers: list(peer, { min: 1 }),
  to: optional(height()),
  follow: withDefault(boolean(), false),
  agree: withDefault(unread('an integer from 1 to the number of peers'), 1),
  // No timer waits for it.
  staleAfterMs: optional(duration({ max: Number.MAX_SAFE_INTEGER })),
  headCheckMs: withDefault(duration(), 15_000),
  confirmTimeoutMs: withDefault(duration(), 10_000),
  // What is final already depends on `finality`, so its depth is the default.
  maxRollbackBlocks: withDefault<number | null>(integer(), null),
  acceptRollback: optional(object({ height: height(), hash: text() }, 'an object {height, hash}')),
  fetch: optional(func<HttpFetch>()),
  logger: logger(),
  retry: object(RETRY),
  limits: LIMITS,
} satisfies Partial<Record<keyof SyncEngineConfig, Reader<unknown>>>;

type Options = ValuesOf<typeof RUN>;
type OfPlatform = 'mode' | 'trust' | 'snapshotType' | 'minSnapshotBlocks' | 'threads';

const OWNER = 'createSyncEngine';
const at = (path: string): { owner: string; path: string } => ({ owner: OWNER, path });

/**
 * The settings that they come to, but for those that differ by platform.
 *
 * @throws TypeError for what is right by itself and wrong together
 */
export function runSettings(
  options: Options & { readonly base: number },
  chain: Omit<ChainSettings, 'limits'>,
): Omit<EngineSettings, OfPlatform> {
  const { peers, to, follow, agree, staleAfterMs, headCheckMs, limits } = options;
  const { maxRollbackBlocks, acceptRollback, confirmTimeoutMs } = options;
  checkTogether(options);
  return {
    ...chain,
    peers,
    to,
    follow,
    ...agreement(agree, peers.length),
    maxRollbackBlocks: maxRollbackBlocks ?? chain.maxRollbackBlocks,
    acceptRollback,
    staleAfterMs,
    headCheckMs,
    confirmTimeoutMs,
    retry: retryOf(options),
    limits,
  };
}

/** With more than one peer that has to agree, what was verified is not confirmed by that alone. */
function agreement(
  agree: unknown,
  peers: number,
): Pick<EngineSettings, 'agree' | 'confirmsVerified' | 'confirmsStored'> {
  const count = atMostAll(peers, 'peers').read(agree, at('agree'));
  return { agree: count, confirmsVerified: count <= 1, confirmsStored: count <= 1 };
}

/** Who says how often is not overruled by a time that was never named; one that follows goes on for good. */
function retryOf({ retry, follow }: Options): RetryOptions {
  const byTime = !follow && retry.maxAttempts === null;
  const { giveUpAfterMs = byTime ? DEFAULT_RETRY.giveUpAfterMs : null } = retry;
  const maxAttempts = retry.maxAttempts ?? (follow ? Infinity : DEFAULT_RETRY.maxAttempts);
  return Object.freeze({ ...retry, maxAttempts, giveUpAfterMs });
}

function checkTogether({ peers, to, base }: Options & { readonly base: number }): void {
  checkDistinct(
    peers.map(({ url }) => url),
    at('peers'),
  );
  if (to !== null && to < base)
    throw refusal(at('to'), `must not be below \`base\`, which is ${base}; it is ${to}.`);
}

function attempts(): Reader<number> {
  return accepting(
    'an integer from 1 to 2^53−1, or Infinity',
    (value): value is number => value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 1),
  );
}
