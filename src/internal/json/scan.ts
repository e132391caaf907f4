import type { Document, ScanOptions } from './document.js';
import { malformed, unexpected } from './fail.js';
import { Input } from './input.js';
import { MemberList } from './members.js';
import { type QuickScan, quickScan } from './quick-scan.js';
import type { Span } from './span.js';
import { skipColon, skipName, skipSpace, skipValue } from './value.js';

const COMMA = 0x2c;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** Greatest number of nested arrays and objects in a block document, the document itself included (protocol section 4). */
export const MAX_DEPTH = 64;

/** A scan is over before the next one begins, so they share this: with small documents, making it took a tenth of the time. */
const CLOSERS = new Uint8Array(MAX_DEPTH);

/**
 * Checks that bytes are one JSON object (RFC 8259) in UTF-8 on one line, and finds its top-level members. Builds no
 * values.
 *
 * Spaces and tabs may stand around the object, nothing else may.
 *
 * @throws SyncError `BLOCK_MALFORMED`, with the byte offset in the message.
 */
export function scanDocument(bytes: Uint8Array, options: ScanOptions): Document {
  return scanObject(bytes, { start: 0, end: bytes.length }, options);
}

/**
 * Does what {@link scanDocument} does for a block, around which nothing may stand: in an array or on a line white space is
 * between the documents and belongs to none of them, so that a block which ends with some would not come out as it went in.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function scanBlock(bytes: Uint8Array, options: ScanOptions): Document {
  const document = scanDocument(bytes, options);
  const { start, end } = document.span;
  if (start > 0) throw malformed(0, 'white space before the document');
  if (end < bytes.length) throw malformed(end, 'white space after the document');
  return document;
}

/**
 * Does for a part of some bytes what {@link scanDocument} does for all of them. Offsets stay those of `bytes`.
 *
 * @param quick - takes what is in order; what it does not take is scanned step by step, which decides and says why not.
 */
export function scanObject(
  bytes: Uint8Array,
  within: Span,
  { maxDepth, names }: ScanOptions,
  quick: QuickScan | null = quickScan(),
): Document {
  const span = outerSpan(bytes, within);
  const members = new MemberList(bytes, names);
  if (quick?.addMembers(bytes, span, maxDepth, members) !== true) scanSteps(bytes, span, maxDepth, members);
  return { bytes, span, count: members.count, members: members.spans, duplicates: members.duplicates };
}

function scanSteps(bytes: Uint8Array, span: Span, maxDepth: number, members: MemberList): void {
  const depth = maxDepth - 1;
  const closers = depth <= CLOSERS.length ? CLOSERS : new Uint8Array(depth);
  const after = scanMembers(new Input(bytes, span.end, depth, closers), span.start, members);
  if (after !== span.end) throw malformed(after, 'more after the end of the object');
}

/** Where the object is if there is one: from the first byte to the last that are not white space. */
function outerSpan(bytes: Uint8Array, within: Span): Span {
  let { start, end } = within;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  if (start === end) throw malformed(start, 'nothing');
  if (bytes[start] !== OBJECT) throw unexpected(bytes, start, 'an object');
  if (bytes[end - 1] !== OBJECT_END) throw unexpected(bytes, end - 1, 'the end of the object');
  return { start, end };
}

/** @returns the position after the object. */
function scanMembers(input: Input, start: number, members: MemberList): number {
  const { bytes, end } = input;
  let i = skipSpace(bytes, start + 1);
  if (bytes[i] === OBJECT_END) return i + 1;
  for (;;) {
    const nameEnd = skipName(input, i);
    const value = skipColon(bytes, nameEnd);
    const after = skipValue(input, value);
    members.add(i, nameEnd, value, after);
    if (after >= end) throw malformed(end, 'the end inside an object');
    i = skipSpace(bytes, after);
    if (bytes[i] === OBJECT_END) return i + 1;
    if (bytes[i] !== COMMA) throw unexpected(bytes, i, 'a comma or a closing bracket');
    i = skipSpace(bytes, i + 1);
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
