import assert from 'node:assert/strict';
import type { BlockHeader } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { MAX_DEPTH, scanDocument, type Span } from '../../internal/json/index.js';
import type { ChainRulesFixture } from './chain-rules-fixture.js';
import { assertMalformed, assertRefused, smallest } from './chain-rules-refusal.js';

/** More flips than this and only every so-manieth byte is tried. */
const MAX_FLIPPED_BYTES = 2500;

export function flipsAreNoticed({ rules, documents, uncovered = [] }: ChainRulesFixture): void {
  const document = smallest(documents);
  const free = memberSpans(document, uncovered);
  const stride = Math.ceil(document.length / MAX_FLIPPED_BYTES);
  for (let at = 0; at < document.length; at += stride) {
    if (free.some(({ start, end }) => at >= start && at < end)) continue;
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Uint8Array.from(document);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      const verify = (): BlockHeader => rules.verify(flipped, null);
      if (rules.selfCertifying) assertRefused(verify, null, `bit ${bit} of byte ${at} flipped`);
      else answerOrRefusal(verify);
    }
  }
}

export function truncationIsNoticed({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  for (let length = 0; length < document.length; length++) {
    assertMalformed(rules, document.subarray(0, length), `cut off after ${length} bytes`);
  }
}

export function trailersAreNoticed({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  for (const trailer of [
    '}',
    ',',
    '0',
    '{}',
    '\0',
    '\n',
    '\r\n',
    ' {}',
    '//',
    Buffer.from(document).toString(),
  ]) {
    assertMalformed(
      rules,
      Buffer.concat([document, Buffer.from(trailer)]),
      JSON.stringify(trailer.slice(0, 9)),
    );
  }
}

export function surroundingsAreNoticed({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  for (const space of [' ', '\t', '   ']) {
    const bytes = Buffer.from(space);
    assertMalformed(rules, Buffer.concat([bytes, document]), `${JSON.stringify(space)} before`);
    assertMalformed(rules, Buffer.concat([document, bytes]), `${JSON.stringify(space)} after`);
  }
}

export function lineBreaksAreNoticed({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  for (let at = 0; at <= document.length; at++) {
    assertMalformed(
      rules,
      insertAt(document, at, Buffer.of(at % 2 === 0 ? 0x0a : 0x0d)),
      `line break at ${at}`,
    );
  }
}

export function encodingIsChecked({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  assertMalformed(rules, insertAt(document, 0, Buffer.from('\uFEFF')), 'byte order mark');
  const invalid = ['ff', '80', 'c0af', 'c3', 'eda080', 'e282', 'f4908080', 'f0808080', 'f09f98'];
  for (let at = 0; at <= document.length; at++) {
    const sequence = invalid[at % invalid.length] ?? '';
    assertMalformed(rules, insertAt(document, at, Buffer.from(sequence, 'hex')), `${sequence} at ${at}`);
  }
}

export function depthIsBounded({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  for (const levels of [MAX_DEPTH, 1000, 500_000]) {
    const arrays = `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const objects = `${'{"a":'.repeat(levels)}0${'}'.repeat(levels)}`;
    for (const value of [arrays, objects, '['.repeat(levels)]) {
      assertMalformed(rules, appendMember(document, '"deep"', Buffer.from(value)), `${levels} levels more`);
    }
  }
}

export function repeatsAreHarmless({ rules, documents }: ChainRulesFixture): void {
  const document = smallest(documents);
  const place = placeOf(rules.describe(document));
  const { members } = scanDocument(document, { maxDepth: MAX_DEPTH });
  for (const name of members.keys()) {
    for (const spelled of [JSON.stringify(name), escapedSpelling(name)]) {
      for (const { start, end } of members.values()) {
        const repeated = appendMember(document, spelled, document.subarray(start, end));
        const header = answerOrRefusal(() => rules.describe(repeated));
        if (header !== null) assert.deepEqual(placeOf(header), place, `${spelled} repeated`);
      }
    }
  }
}

export function rubbishIsRefused({ rules }: ChainRulesFixture): void {
  for (const text of [
    '',
    ' ',
    '{}',
    '[]',
    'null',
    '0',
    '"x"',
    '{',
    '}',
    '{"a":1',
    '{"a"}',
    '[{"height":0}]',
  ]) {
    assertMalformed(rules, Buffer.from(text), JSON.stringify(text));
  }
  let state = 1;
  for (let length = 0; length < 200; length++) {
    const noise = Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) >>> 0) >>> 24);
    assertMalformed(rules, noise, `noise of ${length} bytes`);
  }
}

/** The answer; `null` for a refusal. Anything thrown that is no `SyncError` is a failure. */
function answerOrRefusal(call: () => BlockHeader): BlockHeader | null {
  try {
    return call();
  } catch (error) {
    assert.ok(isSyncError(error), `threw ${String(error)}, which is no SyncError`);
    return null;
  }
}

function placeOf({ height, hash, previousHash }: BlockHeader): object {
  return { height, hash, previousHash };
}

/** Where some members stand, with their names. */
function memberSpans(document: Uint8Array, names: readonly string[]): Span[] {
  const { members } = scanDocument(document, { maxDepth: MAX_DEPTH, names });
  return Array.from(members, ([name, { start, end }]) => ({
    start: Buffer.from(document).lastIndexOf(JSON.stringify(name), start),
    end,
  }));
}

function insertAt(document: Uint8Array, at: number, inserted: Uint8Array): Uint8Array {
  return Buffer.concat([document.subarray(0, at), inserted, document.subarray(at)]);
}

function appendMember(document: Uint8Array, name: string, value: Uint8Array): Uint8Array {
  const end = document.lastIndexOf(0x7d);
  return insertAt(document, end, Buffer.concat([Buffer.from(`,${name}:`), value]));
}

function escapedSpelling(name: string): string {
  const units = Array.from({ length: name.length }, (_, at) =>
    name.charCodeAt(at).toString(16).padStart(4, '0'),
  );
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
}
