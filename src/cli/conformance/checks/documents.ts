import type { ChainRules } from '../../../contracts/index.js';
import { DocumentSplitter } from '../../../internal/json/index.js';
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
  mustBeSamples(as === 'lines' ? linesOf(body) : elementsOf(body, to - from + 1), facts, from, to);
};

export const noDocuments: Check<'no-documents'> = ({ body }) => {
  must(/^\s*\[\s*\]\s*$/.test(Buffer.from(body).toString()), 'the body is no empty array');
};

/** The documents of an array, as they are. No values are made of them: a few bytes would make many. */
function elementsOf(body: Uint8Array, most: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const splitter = new DocumentSplitter({
    form: 'array',
    maxDocumentBytes: MAX_ANSWER_BYTES,
    heightOf: (index) => index,
  });
  splitter.push(body, (document) => {
    must(found.length < most, `the array has more than ${most} elements`);
    found.push(document);
  });
  splitter.end();
  return found;
}

export const frames: Check<'frames'> = ({ body }, { codec, ...range }, { facts }) => {
  const found: Uint8Array[] = [];
  const [from, to] = [Number(range.from), Number(range.to)];
  const view = Buffer.from(body);
  for (let at = 0; at < view.length;) {
    must(found.length <= to - from, `there are more than ${to - from + 1} frames`);
    must(at + FRAME_HEAD_BYTES <= view.length, 'the length of a frame is cut off');
    const start = at + FRAME_HEAD_BYTES;
    at = start + view.readUInt32BE(at);
    must(at <= view.length, 'a frame is cut off');
    found.push(decode(facts.tools, codec, view.subarray(start, at), MAX_ANSWER_BYTES));
  }
  mustBeSamples(found, facts, from, to);
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
