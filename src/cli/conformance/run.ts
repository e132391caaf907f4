import type { ConformanceCase } from './case.js';
import { CASES } from './cases/index.js';
import { whyNot } from './conditions.js';
import { type Asking, type Facts, factsOf, headHash } from './facts.js';
import { runCase } from './run-case.js';

/** A chain that goes on is looked at anew; one whose head is another one each time is not waited for. */
const MAX_TRIES = 3;

/** What came of a case. */
export interface CaseResult {
  readonly id: string;
  readonly section: string;
  readonly title: string;
  /** `skipped`: it does not apply to this server. */
  readonly state: 'passed' | 'failed' | 'skipped';
  /** What was wrong, or why it does not apply; empty where it passed. */
  readonly detail: string;
  /** The request that showed it; `null` for none. */
  readonly request: string | null;
}

/** Longest time for a run, in milliseconds: a server that lets each case wait to its end would take hours. */
const MAX_RUN_MS = 600_000;

/**
 * Holds a server to the protocol, case by case. Those that are left once the time is up have failed.
 *
 * @throws SyncError `PEER_UNREACHABLE`, `PEER_CERTIFICATE`, `PEER_TIMEOUT`, `PEER_UNAUTHORIZED`, `PEER_NOT_FOUND`, `ABORTED`
 */
export async function* conformance(
  asking: Asking,
  cases: readonly ConformanceCase[] = CASES,
  { runMs = MAX_RUN_MS }: { readonly runMs?: number } = {},
): AsyncGenerator<CaseResult, void, undefined> {
  const endMs = performance.now() + runMs;
  let facts = await factsOf(asking);
  for (const one of cases) {
    if (performance.now() > endMs) {
      yield resultOf(one, 'failed', {
        detail: `all cases together take more than ${runMs} ms`,
        request: null,
      });
      continue;
    }
    const found = await settled(one, facts, asking);
    ({ facts } = found);
    yield found.result;
  }
}

/** A case that failed while the chain went on, or turned back, says nothing: it is run again. */
async function settled(
  one: ConformanceCase,
  first: Facts,
  asking: Asking,
): Promise<{ readonly result: CaseResult; readonly facts: Facts }> {
  let facts = first;
  for (let tries = 1; ; tries++) {
    const reason = whyNot(one.when ?? [], facts);
    if (reason !== null)
      return { facts, result: resultOf(one, 'skipped', { detail: reason, request: null }) };
    const miss = await runCase(one, facts, asking);
    if (miss === null) return { facts, result: resultOf(one, 'passed', { detail: '', request: null }) };
    if (tries === MAX_TRIES || (await headHash(asking)) === (facts.head?.hash ?? null))
      return { facts, result: resultOf(one, 'failed', miss) };
    facts = await factsOf(asking);
  }
}

function resultOf(
  { id, section, title }: ConformanceCase,
  state: CaseResult['state'],
  { detail, request }: Pick<CaseResult, 'detail' | 'request'>,
): CaseResult {
  return { id, section, title, state, detail, request };
}
