import { readRaw, type Span } from '../../src/internal/json/index.js';
import {
  bytesField,
  type Form,
  intField,
  Members,
  message,
  messageField,
  parseTime,
} from '../../src/internal/proof/index.js';
import { atMost } from './items.js';
import { type FieldForm, type Kind, type MessageName, MESSAGES } from './schema.js';

const FORMS: ReadonlyMap<string, Form> = new Map(
  Array.from(MESSAGES, ([name, fields]) => [name, { names: fields.map((one) => one.name), exact: true }]),
);
/** Of one list. Each takes more memory than the three bytes that it may have in JSON. */
const MAX_ITEMS = 262_144;
const NONE: Form = { names: [], exact: true };
/** Fractions have as many digits as their last three that are not zero. */
const FRACTION = /^(?:(?:\d{3}){0,2}(?!000)\d{3})?$/;

type Parts = readonly Uint8Array[];

/**
 * Encodes a message that configtxlator has turned into JSON as it was before: fields in ascending order, defaults left out.
 *
 * @throws SyncError `BLOCK_MALFORMED` for what configtxlator does not write.
 */
export function encodeMessage(bytes: Uint8Array, value: Span, path: string, name: MessageName): Uint8Array {
  const members = Members.ofValue(bytes, value, path, FORMS.get(name) ?? NONE);
  return message(...(MESSAGES.get(name) ?? []).map((field) => encodeField(members, field)));
}

function encodeField(members: Members, { field, name, kind, repeated }: FieldForm): Parts {
  if (members.find(name) === null) return [];
  if (repeated)
    return Array.from(atMost(members.values(name), MAX_ITEMS, members.pathOf(name)), (value, at) =>
      message(messageField(field, encodeItem(members, `${members.pathOf(name)}[${at}]`, name, value, kind))),
    );
  return typeof kind === 'string'
    ? encodeScalar(members, field, name, kind)
    : encodeOther(members, field, name, kind);
}

function encodeScalar(members: Members, field: number, name: string, kind: string): Parts {
  switch (kind) {
    case 'int':
      return intField(field, members.integer(name));
    case 'bool':
      return intField(field, boolOf(members, name));
    case 'string':
      return bytesField(field, members.string(name));
    case 'time':
      return messageField(field, timeOf(members, name));
    default:
      // A map whose entries have no order.
      members.object(name, NONE);
      return [];
  }
}

function encodeOther(members: Members, field: number, name: string, kind: Exclude<Kind, string>): Parts {
  if ('names' in kind) return intField(field, enumOf(members, name, kind.names));
  const encoded = encodeItem(members, members.pathOf(name), name, members.require(name), kind);
  return 'message' in kind ? messageField(field, encoded) : bytesField(field, encoded);
}

/** A message, or bytes; those that are a message stand as one, or in base64. */
function encodeItem(members: Members, path: string, name: string, value: Span, kind: Kind): Uint8Array {
  const { bytes } = members;
  if (typeof kind === 'string' || 'names' in kind) throw members.wrong(name, 'list');
  if ('message' in kind) return encodeMessage(bytes, value, path, kind.message);
  return kind.bytes === null || bytes[value.start] !== 0x7b
    ? members.base64At(value, name)
    : encodeMessage(bytes, value, path, kind.bytes);
}

function boolOf(members: Members, name: string): number {
  const text = readRaw(members.bytes, members.require(name));
  if (text !== 'true' && text !== 'false') throw members.wrong(name, 'boolean');
  return text === 'true' ? 1 : 0;
}

function enumOf(members: Members, name: string, names: readonly string[]): number {
  const at = names.indexOf(members.text(name));
  if (at < 0) throw members.wrong(name, `one of ${names.join(', ')}`);
  return at;
}

function timeOf(members: Members, name: string): Uint8Array {
  const time = parseTime(members.text(name));
  if (time === null || !FRACTION.test(time.digits)) throw members.wrong(name, 'time in UTC');
  return message(intField(1, time.seconds), intField(2, time.nanos));
}
