import { meantBy } from './near.js';
import { isObject } from './object.js';
import { inside, type Reader, refusal, unfit, type Where } from './reader.js';

/**
 * Options that somebody else takes, such as Node. They are many and grow with its versions, so a name that isn't known is
 * passed on, unless it is a slip of the hand away from one that is.
 *
 * @param members - readers of what the other side takes without looking, and the names of what it checks at the call.
 * @returns a copy of what was passed.
 */
export function passedOn<T extends object>(
  expects: string,
  members: { readonly [K in keyof T]?: Reader<unknown> | 'checked' },
): Reader<T> {
  const known = new Map(Object.entries<Reader<unknown> | 'checked' | undefined>(members));
  return {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      for (const [name, member] of Object.entries(value)) {
        const reader = known.get(name);
        if (reader === undefined) checkName(name, [...known.keys()], where);
        else if (reader !== 'checked' && member !== undefined) reader.read(member, inside(where, `.${name}`));
      }
      return { ...value } as T;
    },
  };
}

function checkName(name: string, known: readonly string[], where: Where): void {
  const meant = meantBy(name, known);
  if (meant === null) return;
  const place = inside(where, `.${name}`);
  throw refusal(place, `is not an option; did you mean \`${inside(where, `.${meant}`).path}\`?`);
}
