import type { ChainRules } from '../../../contracts/index.js';
import { MAX_ANSWER_BYTES } from '../answer.js';
import type { Facts } from '../facts.js';
import { decode } from '../tools.js';
import { linesOf } from '../lines.js';
import { must } from '../unmet.js';
import type { Check } from './check.js';

const FRAME_HEAD_BYTES = 4;

/** Documents of a range that are the same as those which the server sends one a line. */
export function mustBeSamples(
  documents: readonly Uint8Array[],
  facts: Facts,
  from: number,
  to: number,
): void {
  must(documents.length === to - from + 1, `${documents.length} documents, not ${to - from + 1}`);
  for (const [at, document] of documents.entries()) {
    const sample = facts.samples[from + at - facts.base];
    if (sample === undefined) continue;
    must(Buffer.from(sample).equals(document), `block ${from + at} has other bytes than among lines`);
  }
}

export const documents: Check<'documents'> = ({ body }, { as, ...range }, { facts }) => {
  const [from, to] = [Number(range.from), Number(range.to)];
  if (as === 'lines') mustBeSamples(linesOf(body), facts, from, to);
  else mustBeArray(body, facts, from, to);
};

export const noDocuments: Check<'no-documents'> = ({ body }) => {
  must(/^\s*\[\s*\]\s*$/.test(Buffer.from(body).toString()), 'the body is no empty array');
};

/** Where the documents are known, they stand in it as they are, with nothing but commas and white space between. */
function mustBeArray(body: Uint8Array, facts: Facts, from: number, to: number): void {
  const text = Buffer.from(body).toString('latin1');
  const parsed = elements(body);
  must(parsed === to - from + 1, `${parsed} elements, not ${to - from + 1}`);
  let rest = text;
  for (let height = from; height <= to; height++) {
    const sample = facts.samples[height - facts.base];
    if (sample === undefined) return;
    rest = rest.replace(/^[\s,[]*/, '');
    const due = Buffer.from(sample).toString('latin1');
    must(rest.startsWith(due), `block ${height} has other bytes than among lines`);
    rest = rest.slice(due.length);
  }
  must(/^\s*\]\s*$/.test(rest), 'there is something behind the last block');
}

function elements(body: Uint8Array): number {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch {
    value = null;
  }
  must(Array.isArray(value), 'the body is no JSON array');
  return value.length;
}

export const frames: Check<'frames'> = ({ body }, { codec, ...range }, { facts }) => {
  const found: Uint8Array[] = [];
  const view = Buffer.from(body);
  for (let at = 0; at < view.length;) {
    must(at + FRAME_HEAD_BYTES <= view.length, 'the length of a frame is cut off');
    const start = at + FRAME_HEAD_BYTES;
    at = start + view.readUInt32BE(at);
    must(at <= view.length, 'a frame is cut off');
    found.push(decode(facts.tools, codec, view.subarray(start, at), MAX_ANSWER_BYTES));
  }
  mustBeSamples(found, facts, Number(range.from), Number(range.to));
};

export const chain: Check<'chain'> = ({ body }, range, { facts }) => {
  const [from, to] = [Number(range.from), Number(range.to)];
  const found = linesOf(body);
  must(found.length === to - from + 1, `${found.length} lines, not ${to - from + 1}`);
  const { rules } = facts.tools;
  must(rules !== null, 'there are no rules here for this chain');
  const last = mustFollow(found, rules, from);
  const { head } = facts;
  if (head?.height === to) must(last === head.hash, `block ${to} is not the head that the status names`);
};

/** @returns the hash of the last one */
export function mustFollow(
  documents: readonly Uint8Array[],
  rules: Pick<ChainRules, 'verify'>,
  from: number,
): string {
  let before: string | null = null;
  for (const [at, document] of documents.entries()) {
    must(document[0] === 0x7b && document.at(-1) === 0x7d, `block ${from + at} is not from { to }`);
    must(!document.includes(0x0d), `block ${from + at} has a CR in it`);
    const { hash, previousHash } = verified(document, rules, from + at);
    must(before === null || previousHash === before, `block ${from + at} does not follow the one before`);
    before = hash;
  }
  return before ?? '';
}

function verified(
  document: Uint8Array,
  rules: Pick<ChainRules, 'verify'>,
  height: number,
): ReturnType<ChainRules['verify']> {
  try {
    return rules.verify(document, { height });
  } catch (error) {
    must(false, `block ${height} is not right: ${error instanceof Error ? error.message : ''}`);
  }
}
