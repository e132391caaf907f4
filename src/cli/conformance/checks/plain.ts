import { asBlockRef, isHeight, parseJsonObject } from '../../../internal/http/shape.js';
import type { SchemaName } from '../../../server/descriptions/schemas.js';
import type { Facts } from '../facts.js';
import { misshapen } from '../shape.js';
import { must } from '../unmet.js';
import type { Check } from './check.js';

export const empty: Check<'empty'> = ({ body }) => {
  must(body.length === 0, `there is a body of ${body.length} bytes`);
};

export const shape: Check<'shape'> = ({ body }, { of }) => {
  membersOf(body, of);
};

export const problem: Check<'problem'> = (answer, { codes = null, has = null, below = null }, { facts }) => {
  const type = answer.header('content-type') ?? 'missing';
  must(/^application\/problem\+json\b/i.test(type), `the type is ${type}, not application/problem+json`);
  const members = membersOf(answer.body, 'Problem');
  must(members['status'] === answer.status, 'its status is not that of the answer');
  const code = String(members['code']);
  must(codes === null || codes.includes(code), `the code is ${code}, not ${String(codes)}`);
  if (has === 'base') must(isHeight(members['base']), 'it has no base');
  if (has === 'ancestors') mustBeAncestors(members['ancestors'], facts, Number(below) - 1);
};

function membersOf(body: Uint8Array, name: SchemaName): Readonly<Record<string, unknown>> {
  const members = parseJsonObject(body);
  must(members !== null, 'the body is no JSON object');
  const wrong = misshapen(members, name);
  must(wrong === null, wrong ?? '');
  return members;
}

/** Newest first, from the height that was asked about down to the base, with gaps that grow. */
function mustBeAncestors(value: unknown, { base }: Facts, newest: number): void {
  must(Array.isArray(value) && value.length > 0, 'it has no ancestors');
  const heights = value.map((element: unknown) => asBlockRef(element)?.height ?? -1);
  must(heights[0] === newest, `the first ancestor is ${heights[0] ?? ''}, not ${newest}`);
  must(heights.at(-1) === base, `the last ancestor is ${heights.at(-1) ?? ''}, not the base ${base}`);
  const gaps = heights.slice(1).map((height, at) => (heights[at] ?? 0) - height);
  must(
    gaps.every((gap) => gap > 0),
    'the ancestors do not descend',
  );
  // What is left down to the base may be less.
  const growing = gaps.slice(0, -1);
  must(
    growing.every((gap, at) => at === 0 || gap >= (growing[at - 1] ?? 0)),
    'the gaps between ancestors do not grow',
  );
}
