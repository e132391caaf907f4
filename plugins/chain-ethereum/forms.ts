import { malformed, readRaw, type Span } from '../../src/internal/json/index.js';
import { readData, readQuantity } from './hex.js';

/** A field's form: a quantity, data of any length, or data of so many bytes. */
export type Form = 'quantity' | 'data' | number;
export type Field = readonly [name: string, form: Form];

const UPPER_CASE = /^"0[xX][0-9a-fA-F]+"$/;
const DECIMAL = /^"[0-9]{1,78}"$/;
/** No longer value is looked at to say what is wrong with it. */
const LOOKED_AT = 1024;

/** Reads a value that must have a form. @throws SyncError `BLOCK_MALFORMED` */
export function readForm(bytes: Uint8Array, value: Span, [name, form]: Field): Uint8Array {
  const read = form === 'quantity' ? readQuantity(bytes, value) : readData(bytes, value);
  if (read !== null && (typeof form !== 'number' || read.length === form)) return read;
  throw malformed(value.start, `no ${describeForm(form)} in "${name}"${hintFor(bytes, value)}`);
}

function describeForm(form: Form): string {
  return typeof form === 'number' ? `0x string of ${form} bytes` : form;
}

/** What other tools make of the values that nodes send, and how to get those. */
export function hintFor(bytes: Uint8Array, value: Span): string {
  const text = value.end - value.start > LOOKED_AT ? '' : readRaw(bytes, value);
  if (DECIMAL.test(text)) return '; a decimal string is made by a tool: nodes send 0x strings';
  if (UPPER_CASE.test(text) && text !== text.toLowerCase())
    return '; upper case, as in EIP-55 addresses, is made by a tool: nodes send lower case, which the hash is compared with';
  return '';
}
