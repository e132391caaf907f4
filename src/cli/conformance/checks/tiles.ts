import { createHash } from 'node:crypto';
import { MAX_TILE_BYTES } from '../../../tiles/cut.js';
import { linesOf } from '../lines.js';
import { must } from '../unmet.js';
import type { Check, Looking } from './check.js';
import { mustBeSamples, mustFollow } from './documents.js';
import { indexEntries } from './index-lines.js';
import { gunzipSync } from 'node:zlib';
import { decode } from '../tools.js';
import { MAX_ANSWER_BYTES } from '../answer.js';

export const index: Check<'index'> = ({ body }, _check, { facts }) => {
  const entries = indexEntries(body);
  const last = entries.at(-1)?.to;
  must(
    last === facts.lastTile,
    `the last line ends at ${last ?? ''}, and the status says ${facts.lastTile ?? ''}`,
  );
};

export const tile: Check<'tile'> = ({ body }, { codec }, looking) => {
  const entry = codec === 'gzip' ? looking.facts.tile : looking.facts.tileZstd;
  must(entry !== null, 'the index names no tile');
  const bytes =
    codec === 'gzip' ? gunzipped(body) : decode(looking.facts.tools, codec, body, MAX_ANSWER_BYTES);
  must(
    bytes.length === entry.documentBytes,
    `${bytes.length} bytes of documents, not ${entry.documentBytes}`,
  );
  const { digest } = entry;
  if (digest !== null)
    must(createHash('sha256').update(bytes).digest('hex') === digest, 'the documents have another digest');
  mustBeBlocks(linesOf(bytes), entry, looking);
};

function mustBeBlocks(
  documents: readonly Uint8Array[],
  { from, to, hash }: { readonly from: number; readonly to: number; readonly hash: string },
  { facts }: Looking,
): void {
  must(documents.length === to - from + 1, `${documents.length} documents, not ${to - from + 1}`);
  const { rules } = facts.tools;
  if (rules !== null)
    must(mustFollow(documents, rules, from) === hash, 'the last block has another hash than the index says');
  const known = facts.base + facts.samples.length - 1;
  if (from <= known) mustBeSamples(documents.slice(0, known - from + 1), facts, from, Math.min(known, to));
}

/** All members, one behind the other. */
function gunzipped(body: Uint8Array): Uint8Array {
  try {
    return gunzipSync(body, { maxOutputLength: Math.max(MAX_ANSWER_BYTES, MAX_TILE_BYTES) });
  } catch {
    must(false, 'the body is no gzip');
  }
}

export const part: Check<'part'> = ({ body }, { of, from, to }, { answers }) => {
  const whole = answers[of - 1]?.body.subarray(from, to + 1) ?? new Uint8Array();
  must(Buffer.from(whole).equals(body), `these are not the bytes ${from} to ${to} of the whole`);
};
