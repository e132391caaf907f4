import { isSyncError } from '../../errors/index.js';
import { type Answer, ask } from './answer.js';
import type { BodyCheck, ConformanceCase, Expected, Step } from './case.js';
import { CHECKS } from './checks/index.js';
import type { Check, Looking } from './checks/check.js';
import type { Asking, Facts } from './facts.js';
import { peerText } from '../../internal/http/shape.js';
import { namesOf } from './names.js';
import { fill, type Names } from './template.js';
import { must, Unmet } from './unmet.js';

const WITHIN_MS = 10_000;
/** Longest request and detail that is told, in characters. */
const MAX_TEXT = 500;

/** What a server did not do: the request, and what was wrong with the answer. */
export interface Miss {
  readonly request: string;
  readonly detail: string;
}

/** Runs a case. @returns `null` where the server does what it asks @throws SyncError `ABORTED` */
export async function runCase(asked: ConformanceCase, facts: Facts, asking: Asking): Promise<Miss | null> {
  for (const value of asked.values ?? [null]) {
    const names = { ...namesOf(facts), ...(value === null ? {} : { value }) };
    const miss = await runSteps(asked, { names, facts, asking });
    if (miss !== null) return miss;
  }
  return null;
}

interface Setting {
  readonly names: Names;
  readonly facts: Facts;
  readonly asking: Asking;
}

async function runSteps(
  { steps, withinMs = WITHIN_MS }: ConformanceCase,
  setting: Setting,
): Promise<Miss | null> {
  const { signal } = setting.asking;
  const deadline = AbortSignal.timeout(withinMs);
  const within = { ...setting.asking, signal: AbortSignal.any([signal, deadline]) };
  const answers: Answer[] = [];
  let request = '';
  try {
    for (const step of steps) {
      const target = fill(step.path, setting.names, answers);
      request = `${step.method ?? 'GET'} ${target}`;
      answers.push(await send(step, target, { ...setting, asking: within }, answers));
      await look(step, setting, answers);
    }
    return null;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return missed(request, `it was not over within ${withinMs} ms`);
    return missed(request, detailOf(error));
  } finally {
    for (const answer of answers) answer.close();
  }
}

function send(
  step: Step,
  target: string,
  { names, asking }: Setting,
  answers: readonly Answer[],
): Promise<Answer> {
  const { headers = {} } = step;
  const method = step.method ?? ('GET' as const);
  const read = step.read ?? null;
  const filled = Object.entries(headers).map(([name, text]) => [name, fill(text, names, answers)] as const);
  const asked = { method, target, headers: Object.fromEntries(filled), read };
  return ask(asking.deps, asking.peer, asked, asking.signal);
}

async function look({ answers: allowed }: Step, setting: Setting, answers: readonly Answer[]): Promise<void> {
  const answer = answers.at(-1);
  if (answer === undefined) return;
  const expected = allowed[answer.status];
  must(expected !== undefined, `status ${answer.status}, not ${Object.keys(allowed).join(' or ')}`);
  mustHaveHeaders(answer, expected, setting.names);
  const { body } = expected;
  if (body !== undefined)
    await lookAt(answer, filled(body, setting.names), { facts: setting.facts, answers });
}

function mustHaveHeaders(answer: Answer, { headers = {} }: Expected, names: Names): void {
  for (const [name, pattern] of Object.entries(headers)) {
    const value = answer.header(name);
    if (pattern === null) must(value === null || value === 'identity', `it has ${name}: ${value ?? ''}`);
    else
      must(
        value !== null && new RegExp(fill(pattern, names, []), 'i').test(value),
        `${name} is ${value === null ? 'missing' : JSON.stringify(value)}`,
      );
  }
}

function filled(check: BodyCheck, names: Names): BodyCheck {
  const members = Object.entries(check).map(([name, value]) => [
    name,
    typeof value === 'string' && name !== 'is' ? fill(value, names, []) : (value as unknown),
  ]);
  return Object.fromEntries(members) as BodyCheck;
}

async function lookAt(answer: Answer, check: BodyCheck, looking: Looking): Promise<void> {
  // The table has a function of the right kind for each word.
  await (CHECKS[check.is] as Check<BodyCheck['is']>)(answer, check, looking);
}

/** Much of it may be the server's words, of any length. */
function missed(request: string, detail: string): Miss {
  return { request: peerText(request, MAX_TEXT), detail: peerText(detail, MAX_TEXT) };
}

function detailOf(error: unknown): string {
  if (error instanceof Unmet) return error.message;
  if (isSyncError(error)) return `${error.code}: ${error.message}`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? `the answer broke off: ${cause.message}` : 'the answer broke off';
}
