import { must } from './unmet.js';

const LF = 0x0a;

/** More than any answer of a case has: each line costs far more memory than its bytes. */
const MAX_LINES = 10_000;

/** Documents of lines, each with its line feed. @throws Unmet for more than `most` of them */
export function linesOf(body: Uint8Array, most = MAX_LINES): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length;) {
    must(lines.length < most, `the body has more than ${most} lines`);
    const end = body.indexOf(LF, start);
    must(end !== -1, 'the last line has no line feed');
    lines.push(body.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
