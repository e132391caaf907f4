import { isDeepStrictEqual } from 'node:util';
import { isSyncError } from '../../src/errors/index.js';
import { MemberList } from '../../src/internal/json/members.js';
import { QuickScan } from '../../src/internal/json/quick-scan.js';
import { MAX_DEPTH, scanObject } from '../../src/internal/json/scan.js';
import { WASM } from '../../src/internal/json/wasm.js';

// Most documents here are refused, and nobody looks at where.
Error.stackTraceLimit = 0;

export const quick = new QuickScan(WASM);

interface Found {
  readonly count: number;
  readonly members: unknown;
  readonly duplicates: unknown;
}

/** What the scan finds that goes step by step and can say why not; `null` for a refusal. */
function byStep(bytes: Uint8Array, maxDepth: number): Found | null {
  try {
    const { span, ...found } = scanObject(bytes, whole(bytes), { maxDepth }, null);
    return span.start === 0 && span.end === bytes.length ? foundOf(found.count, found) : null;
  } catch (error) {
    if (isSyncError(error, 'BLOCK_MALFORMED')) return null;
    throw error;
  }
}

export function quickly(bytes: Uint8Array, maxDepth: number): Found | null {
  if (bytes[0] !== 0x7b || bytes.at(-1) !== 0x7d) return null;
  const members = new MemberList(bytes, undefined);
  const taken = quick.addMembers(bytes, whole(bytes), maxDepth, members);
  const { count, spans, duplicates } = members;
  return taken ? foundOf(count, { members: spans, duplicates }) : null;
}

const foundOf = (count: number, { members, duplicates }: Omit<Found, 'count'>): Found => ({
  count,
  members,
  duplicates,
});

export const whole = (bytes: Uint8Array): { start: number; end: number } => ({ start: 0, end: bytes.length });

/** Whether the two scans agree. */
export function agree(bytes: Uint8Array, maxDepth = MAX_DEPTH): boolean {
  return isDeepStrictEqual(quickly(bytes, maxDepth), byStep(bytes, maxDepth));
}

export const bytesOf = (text: string): Buffer => Buffer.from(text);

/** Has one of everything that the grammar has. */
export const SPECIMEN = bytesOf(
  '{"a":[1,-0.5e+7,{},[ ],"é€😀\\u00e9\\ud83d\\ude00\\n\\"\\\\ sixteen and more bytes"],\t"b":{"c":null, "d" :[true,false]},"e":"","":0}',
);
