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

/** Holds a server to the protocol, case by case. @throws SyncError `ABORTED` */
export async function* conformance(
  asking: Asking,
  cases: readonly ConformanceCase[] = CASES,
): AsyncGenerator<CaseResult, void, undefined> {
  let facts = await factsOf(asking);
  for (const one of cases) {
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
  const { id, section, title } = one;
  let facts = first;
  for (let tries = 1; ; tries++) {
    const reason = whyNot(one.when ?? [], facts);
    if (reason !== null)
      return { facts, result: { id, section, title, state: 'skipped', detail: reason, request: null } };
    const miss = await runCase(one, facts, asking);
    if (miss === null)
      return { facts, result: { id, section, title, state: 'passed', detail: '', request: null } };
    if (tries === MAX_TRIES || (await headHash(asking)) === (facts.head?.hash ?? null))
      return { facts, result: { id, section, title, state: 'failed', ...miss } };
    facts = await factsOf(asking);
  }
}
