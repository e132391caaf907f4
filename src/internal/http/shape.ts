import type { BlockRef } from '../../contracts/index.js';
import { isModest } from '../json/index.js';

const MAX_HASH_CHARACTERS = 256;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a JSON object; `null` for anything else: also for bytes that are not UTF-8, and for what would make many values of
 * few bytes.
 */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  if (!isModest(bytes)) return null;
  try {
    return asObject(JSON.parse(utf8.decode(bytes)));
  } catch {
    return null;
  }
}

/** The value when it is an object that is not an array. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** Whether a JSON value is a height: an integer from 0 to 2^53−1. */
export function isHeight(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
}

/** Whether a JSON value may be a hash: how it is spelt is for the chain rules to say. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_HASH_CHARACTERS;
}

/** Reads `{"height","hash"}`; `null` for anything else. */
export function asBlockRef(value: unknown): BlockRef | null {
  const object = asObject(value);
  if (object === null) return null;
  const { height, hash } = object;
  return isHeight(height) && isHash(hash) ? { height, hash } : null;
}

/** Text of a peer made fit for a message: one line, at most `maxCharacters`; `''` for what is not text. */
export function peerText(value: unknown, maxCharacters = 200): string {
  if (typeof value !== 'string') return '';
  // Control and format characters could forge lines of a log.
  const line = value
    .slice(0, maxCharacters * 2)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters)}…`;
}
