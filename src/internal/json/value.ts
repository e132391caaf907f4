import { malformed, unexpected } from './fail.js';
import type { Input } from './input.js';
import { skipNumber } from './number.js';
import { skipString } from './string.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const ARRAY = 0x5b;

/*
 * None of these functions but `skipString` compares its position with the end at every step: the caller has made sure
 * that the last byte before `end` is a `}`, and nothing but a string takes a `}` in without closing a bracket.
 */

/**
 * Skips one value of any kind, checking all of it. Nesting costs no call stack.
 *
 * @returns the position after the value.
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function skipValue(input: Input, from: number): number {
  let i = from;
  input.depth = 0;
  do {
    i = descend(input, i);
    i = ascend(input, i);
  } while (input.depth > 0);
  return i;
}

/** Skips spaces and tabs, the only white space that a document on one line can have. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let i = from;
  while (bytes[i] === 0x20 || bytes[i] === 0x09) i++;
  return i;
}

/** Skips a member's name. */
export function skipName(input: Input, from: number): number {
  if (input.bytes[from] !== QUOTE) throw unexpected(input.bytes, from, 'a member name');
  return skipString(input, from + 1);
}

/** Skips the colon after a name and the white space around it. */
export function skipColon(bytes: Uint8Array, from: number): number {
  const i = skipSpace(bytes, from);
  if (bytes[i] !== COLON) throw unexpected(bytes, i, 'a colon');
  return skipSpace(bytes, i + 1);
}

/** Opens brackets down to the first value that is none, and skips it; or down to the end of an empty one. */
function descend(input: Input, from: number): number {
  const { bytes } = input;
  let i = from;
  for (;;) {
    const first = bytes[i];
    if (first !== OBJECT && first !== ARRAY) return skipScalar(input, i);
    if (input.depth === input.maxDepth) throw malformed(i, 'too many nested arrays and objects');
    const closer = first + 2;
    input.closers[input.depth++] = closer;
    i = skipSpace(bytes, i + 1);
    if (bytes[i] === closer) return i;
    if (first === OBJECT) i = skipColon(bytes, skipName(input, i));
  }
}

/** Closes brackets up to the next value, or until none is open. */
function ascend(input: Input, from: number): number {
  const { bytes, end } = input;
  let i = from;
  while (input.depth > 0) {
    if (i >= end) throw malformed(end, 'the end inside an array or object');
    i = skipSpace(bytes, i);
    const closer = input.closers[input.depth - 1];
    if (bytes[i] === COMMA) {
      i = skipSpace(bytes, i + 1);
      return closer === OBJECT_END ? skipColon(bytes, skipName(input, i)) : i;
    }
    if (bytes[i] !== closer) throw unexpected(bytes, i, 'a comma or a closing bracket');
    i++;
    input.depth--;
  }
  return i;
}

function skipScalar(input: Input, from: number): number {
  const { bytes } = input;
  switch (bytes[from]) {
    case QUOTE:
      return skipString(input, from + 1);
    case 0x74:
      return skipLiteral(bytes, from, TRUE);
    case 0x66:
      return skipLiteral(bytes, from, FALSE);
    case 0x6e:
      return skipLiteral(bytes, from, NULL);
    default:
      return skipNumber(bytes, from);
  }
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const TRUE = ascii('true');
const FALSE = ascii('false');
const NULL = ascii('null');

function skipLiteral(bytes: Uint8Array, from: number, literal: Uint8Array): number {
  for (let i = 1; i < literal.length; i++) {
    if (bytes[from + i] !== literal[i]) throw unexpected(bytes, from, 'a value');
  }
  return from + literal.length;
}
