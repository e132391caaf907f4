/**
 * Greatest number of nested arrays and objects in a value: those around it in a snapshot document stay within the 64
 * levels that a document may have.
 */
export const MAX_VALUE_DEPTH = 60;

/** What can't be kept, and the JSON pointer (RFC 6901) to it. */
interface Fault {
  readonly what: string;
  readonly path: string;
}

const HALF_PAIR = /\p{Surrogate}/u;

/** Whether a string has no form in UTF-8. */
export function hasHalfPair(text: string): boolean {
  return HALF_PAIR.test(text);
}

/** What in a value JSON would drop or change, in words; `null` for a value that survives it. */
export function faultOf(value: unknown): string | null {
  const fault = find(value, 0);
  if (fault === null) return null;
  return fault.path === '' ? fault.what : `${fault.what} (at ${fault.path})`;
}

function find(value: unknown, depth: number): Fault | null {
  if (typeof value === 'object' && value !== null) return findInside(value, depth);
  const what = scalarFault(value);
  return what === null ? null : { what, path: '' };
}

function scalarFault(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return hasHalfPair(value) ? 'a string with half a surrogate pair' : null;
    case 'number':
      return Number.isFinite(value) ? null : String(value);
    case 'boolean':
    case 'object':
      return null;
    case 'undefined':
      return 'undefined';
    default:
      return `a ${typeof value}`;
  }
}

function findInside(value: object, depth: number): Fault | null {
  // It also ends the search in a value that contains itself.
  if (depth === MAX_VALUE_DEPTH) {
    return { what: `more than ${MAX_VALUE_DEPTH} nested arrays and objects`, path: '' };
  }
  if (!Array.isArray(value)) return isPlain(value) ? findIn(Object.entries(value), depth) : instance(value);
  // Unlike `forEach`, `entries` visits holes.
  return findIn(value.entries(), depth);
}

function findIn(members: Iterable<readonly [number | string, unknown]>, depth: number): Fault | null {
  for (const [name, value] of members) {
    if (typeof name === 'string' && hasHalfPair(name)) {
      return { what: 'a member name with half a surrogate pair', path: '' };
    }
    const fault = find(value, depth + 1);
    if (fault === null) continue;
    const token = String(name).replaceAll('~', '~0').replaceAll('/', '~1');
    return { what: fault.what, path: `/${token}${fault.path}` };
  }
  return null;
}

/** Whether an object was made by a literal or by `JSON.parse`, also in another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function instance(value: object): Fault {
  const { name } = value.constructor;
  return { what: name === '' ? 'an instance of a class' : `an instance of ${name}`, path: '' };
}
