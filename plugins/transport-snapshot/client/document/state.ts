import type { SnapshotItem, StateEntry, StateTable } from '../../../../src/contracts/index.js';
import { MAX_DEPTH, readString, scanDocument, type Span } from '../../../../src/internal/json/index.js';
import { corrupt } from './corrupt.js';
import { arrayElements } from './elements.js';
import type { Input } from './input.js';

const MAX_KEY_BYTES = 1024;
/** Each byte spelled in six, and two quotes. */
const MAX_KEY_SPELLED_BYTES = 6 * MAX_KEY_BYTES + 2;
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Key and value, and what stands around them. */
const MAX_ENTRY_BYTES = MAX_VALUE_BYTES + MAX_KEY_SPELLED_BYTES + 18;

const SCAN = { maxDepth: MAX_DEPTH, names: ['key', 'value'] };
const BEFORE_KEY = Buffer.from('{"key":');
const BEFORE_VALUE = Buffer.from(',"value":');

/**
 * Reads one table of the state: entries `{"key":K,"value":V}`, keys strictly ascending by their UTF-8 bytes.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export async function* readState(input: Input, table: StateTable): AsyncGenerator<SnapshotItem> {
  const limits = { name: table, maxElementBytes: MAX_ENTRY_BYTES, maxElements: Infinity };
  let last: Buffer | null = null;
  for await (const { elements } of arrayElements(input, limits)) {
    const entries: StateEntry[] = [];
    for (const element of elements) {
      const entry = readEntry(element, table);
      const key = Buffer.from(entry.key);
      requireKey(key, last, table);
      last = key;
      entries.push(entry);
    }
    yield { kind: 'state', table, entries };
  }
}

function readEntry(bytes: Uint8Array, table: StateTable): StateEntry {
  const { key, value } = entrySpans(bytes, table);
  // Before it is made a text of, which takes several times as much memory.
  if (key.end - key.start > MAX_KEY_SPELLED_BYTES) throw keyTooLong(table);
  const text = readString(bytes, key);
  if (text === null) throw corrupt(`a key of ${table} is not a string`);
  if (value.end - value.start > MAX_VALUE_BYTES) {
    throw corrupt(`a value of ${table} has ${value.end - value.start} bytes, more than ${MAX_VALUE_BYTES}`);
  }
  return { key: text, value: bytes.subarray(value.start, value.end) };
}

/** Where key and value stand in an entry that has just these two members, spelled in just this way. */
function entrySpans(bytes: Uint8Array, table: StateTable): { readonly key: Span; readonly value: Span } {
  const { count, members } = scanEntry(bytes, table);
  const key = members.get('key');
  const value = members.get('value');
  if (count === 2 && key !== undefined && value !== undefined) {
    const fits =
      key.start === BEFORE_KEY.length &&
      value.start === key.end + BEFORE_VALUE.length &&
      value.end === bytes.length - 1 &&
      hasAt(bytes, 0, BEFORE_KEY) &&
      hasAt(bytes, key.end, BEFORE_VALUE);
    if (fits) return { key, value };
  }
  throw corrupt(`an entry of ${table} is not of the form {"key":K,"value":V}`);
}

function scanEntry(bytes: Uint8Array, table: StateTable): ReturnType<typeof scanDocument> {
  try {
    return scanDocument(bytes, SCAN);
  } catch (cause) {
    throw corrupt(`an entry of ${table} is not JSON`, cause);
  }
}

function hasAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}

function requireKey(key: Buffer, last: Buffer | null, table: StateTable): void {
  if (key.length > MAX_KEY_BYTES) throw keyTooLong(table);
  const order = last === null ? -1 : Buffer.compare(last, key);
  if (order === 0) throw corrupt(`a key of ${table} is there twice`);
  if (order > 0) throw corrupt(`the keys of ${table} are not in order`);
}

function keyTooLong(table: StateTable): Error {
  return corrupt(`a key of ${table} has more than ${MAX_KEY_BYTES} bytes`);
}
