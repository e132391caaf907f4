/** What was done to an object that is watched, and to those in it: one entry for each time, such as `get limits.maxRange`. */
export interface Watched<T> {
  readonly value: T;
  readonly seen: string[];
}

/** Watches an object of options: itself and each plain object and array in it. What has a class of its own is left alone. */
export function watched<T extends object>(options: T): Watched<T> {
  const seen: string[] = [];
  return { value: watch(options, '', seen), seen };
}

function watch<T extends object>(target: T, path: string, seen: string[]): T {
  return new Proxy(target, {
    get(object, name, receiver) {
      const value: unknown = Reflect.get(object, name, receiver);
      if (typeof name === 'symbol') return value;
      const place = path === '' ? name : `${path}.${name}`;
      // What tells a promise from other objects is no option.
      if (name !== 'then') seen.push(`get ${place}`);
      return isPlain(value) ? watch(value, place, seen) : value;
    },
    has(object, name) {
      seen.push(`has ${path}.${String(name)}`);
      return Reflect.has(object, name);
    },
    ownKeys(object) {
      seen.push(`keys ${path}`);
      return Reflect.ownKeys(object);
    },
    set(_object, name) {
      throw new Error(`${path}.${String(name)} was set.`);
    },
    defineProperty(_object, name) {
      throw new Error(`${path}.${String(name)} was defined.`);
    },
    preventExtensions() {
      throw new Error(`${path} was frozen.`);
    },
  });
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
