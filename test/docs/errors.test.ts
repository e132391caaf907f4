import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from '../../src/errors/index.js';
import { problemTypeOf } from '../../src/internal/http/problem-document.js';
import { readMarkdown } from '../../scripts/docs/markdown.js';
import { projectRoot } from '../helpers/shared.js';

const text = readFileSync(join(projectRoot, 'docs', 'errors.md'), 'utf8');
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n');
      return [section.slice(0, end).trim(), section.slice(end + 1)] as const;
    }),
);

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

function factsOf(info: ErrorCodeInfo): string {
  const facts = [`Retried: ${yesNo(info.retryable)}`, `Blames the peer: ${yesNo(info.provesLie)}`];
  return `_${facts.join('. ')}. HTTP: ${info.status ?? 'none'}._`;
}

test('every error code has a heading of its own, in the order of the table, and there are no others', (t) => {
  t.deepEqual([...sections.keys()], Object.keys(ERROR_CODES));
});

test('each code is documented with the facts that the table has, with what it means and with what to do', (t) => {
  for (const [code, info] of Object.entries(ERROR_CODES) as [ErrorCode, ErrorCodeInfo][]) {
    const section = sections.get(code) ?? '';
    const [meaning = '', rest = ''] = section.split('**What to do.** ');
    t.true(section.includes(factsOf(info)), `${code}: ${factsOf(info)} is not in:\n${section}`);
    t.true(meaning.trim().length > info.summary.length, `${code} says no more than the table`);
    t.regex(rest, /^\S/, `${code} does not say what to do`);
  }
});

test('the type of each problem document names the heading of its code', (t) => {
  const { anchors } = readMarkdown(join(projectRoot, 'docs', 'errors.md'), 'docs/errors.md');
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const [document, heading = ''] = problemTypeOf(code).split('#');
    t.is(document, 'urn:blockferry:docs/errors.md');
    t.true(anchors.has(heading), code);
  }
});

test('no two codes are told in the same words', (t) => {
  for (const [code, { summary, action }] of Object.entries(ERROR_CODES))
    t.true(summary !== '' && action !== '', `${code} has its words`);
  const summaries = Object.values(ERROR_CODES).map(({ summary }) => summary);
  t.is(new Set(summaries).size, summaries.length);
});
