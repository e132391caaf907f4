import assert from 'node:assert/strict';
import type { ChainRules, VerifiedRun } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import type { ChainRulesFixture } from './chain-rules-fixture.js';

const LINE_FEED = 0x0a;
/** More flips than this and only every so-manieth byte is tried. */
const MAX_FLIPPED_BYTES = 2500;

export function runsAreVerified({ rules, documents }: ChainRulesFixture): void {
  for (let count = 0; count <= documents.length; count++) {
    const lines = linesOf(documents.slice(0, count));
    const before = Buffer.from(lines);
    assertAgrees(rules, lines, `${count} documents`);
    assert.ok(before.equals(lines), 'the documents were modified');
  }
  assertAgrees(rules, linesOf([...documents].reverse()), 'documents in another order');
}

export function brokenRunsAreLeft({ rules, documents }: ChainRulesFixture): void {
  const lines = linesOf(documents.slice(0, 3));
  const stride = Math.ceil(lines.length / MAX_FLIPPED_BYTES);
  for (let at = 0; at < lines.length; at += stride) {
    const flipped = Buffer.from(lines);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    assertAgrees(rules, flipped, `bit ${at % 8} of byte ${at} flipped`);
    assertAgrees(rules, lines.subarray(0, at), `cut off after ${at} bytes`);
  }
  for (const more of ['\n', ' ', '{}', '{}\n', '\0', '\0\n']) {
    assertAgrees(rules, Buffer.concat([lines, Buffer.from(more)]), `${JSON.stringify(more)} behind`);
    assertAgrees(rules, Buffer.concat([Buffer.from(more), lines]), `${JSON.stringify(more)} in front`);
  }
}

function linesOf(documents: readonly Uint8Array[]): Buffer {
  return Buffer.concat(documents.flatMap((document) => [document, Buffer.of(LINE_FEED)]));
}

function assertAgrees(rules: ChainRules, lines: Buffer, what: string): void {
  const run = rules.verifyRun?.(lines) ?? null;
  if (run !== null) assert.deepEqual(run, oneByOne(rules, lines), what);
}

/** `null` when one is refused, or does not end. */
function oneByOne(rules: ChainRules, lines: Buffer): VerifiedRun | null {
  const headers = [];
  const documentLengths = [];
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(LINE_FEED, start);
    if (end < 0) return null;
    try {
      headers.push(rules.verify(lines.subarray(start, end), null));
    } catch (error) {
      if (isSyncError(error)) return null;
      throw error;
    }
    documentLengths.push(end - start);
    start = end + 1;
  }
  return { headers, documentLengths };
}
