import type { BlockRef, TransportLimits } from '../../contracts/index.js';
import { throwIfAborted } from '../abort.js';
import { BodyReader, readBody } from './body.js';
import type { HttpExchange } from './exchange.js';
import { asBlockRef, parseJsonObject, peerText } from './shape.js';

/** Most of an error's body that is read. */
const MAX_PROBLEM_BYTES = 64 * 1024;
/** Longest list of ancestors that the protocol allows (section 2.2). */
const MAX_ANCESTORS = 64;

/** What a peer says about an error (RFC 9457). */
export interface Problem {
  /** `''` when it names none. */
  readonly code: string;
  /** One line, `''` when there is none. */
  readonly detail: string;
  readonly members: Readonly<Record<string, unknown>>;
  /** Whether the line or the time ran out before it had all been said. */
  readonly isCut: boolean;
}

const NO_PROBLEM: Problem = { code: '', detail: '', members: {}, isCut: false };
const CUT: Problem = { ...NO_PROBLEM, isCut: true };

/**
 * Reads the body of an error response as far as it helps. A body that is no JSON, too large, late or cut tells nothing,
 * and the status speaks alone.
 *
 * @param signal - the caller's; only when it fires does this throw.
 */
export async function readProblem(
  exchange: HttpExchange,
  limits: TransportLimits,
  signal: AbortSignal,
): Promise<Problem> {
  if (!/[/+]json\s*(?:;|$)/i.test(exchange.response.headers.get('content-type') ?? '')) return NO_PROBLEM;
  const ms = limits.firstByteTimeoutMs;
  const codes = { idle: 'PEER_TIMEOUT', progress: 'PEER_TIMEOUT', cut: 'STREAM_TRUNCATED' } as const;
  const body = new BodyReader(exchange, { idleMs: ms, progressMs: ms, codes });
  body.progressed();
  const bytes = await readBody(body, MAX_PROBLEM_BYTES).catch(() => 'cut' as const);
  throwIfAborted(signal);
  if (bytes === 'cut') return CUT;
  const members = bytes === null ? null : parseJsonObject(bytes);
  if (members === null) return NO_PROBLEM;
  const { code, detail, title } = members;
  return { code: peerText(code, 40), detail: peerText(detail) || peerText(title), members, isCut: false };
}

/**
 * Checks the `ancestors` of a fork: newest first, at most 64, all below `from`.
 *
 * @returns `null` when they are not that
 */
export function parseAncestors(value: unknown, from: number): readonly BlockRef[] | null {
  if (!Array.isArray(value) || value.length > MAX_ANCESTORS) return null;
  const ancestors: BlockRef[] = [];
  let below = from;
  for (const item of value as readonly unknown[]) {
    const ref = asBlockRef(item);
    if (ref === null || ref.height >= below) return null;
    below = ref.height;
    ancestors.push(ref);
  }
  return ancestors;
}
