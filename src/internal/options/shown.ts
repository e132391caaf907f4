const MAX_TEXT = 80;

/** A value as an error message names it, with what may have gone wrong. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return shownFunction(value.name);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  return shownObject(value);
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function shownFunction(name: string): string {
  return name === '' ? 'a function' : `the function ${name} (call it first, as in ${name}()?)`;
}

function shownObject(value: object): string {
  if ('then' in value && typeof value.then === 'function') return 'a Promise (is an `await` missing?)';
  const name: unknown = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of ${name}` : 'an object';
}
