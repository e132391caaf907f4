import { must } from './unmet.js';

const LF = 0x0a;

/** Documents of lines, each with its line feed. */
export function linesOf(body: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length;) {
    const end = body.indexOf(LF, start);
    must(end !== -1, 'the last line has no line feed');
    lines.push(body.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
