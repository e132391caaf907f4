import { SyncError } from '../../errors/index.js';
import { parseHeight } from '../height.js';

/** Hashes of `linked` chains are any text; line breaks and other control characters are in none. */
const HASH = /^[^\p{Cc}]{1,256}$/u;

/** The parameters of a request that are known, each at most once. */
export class QueryParameters<Name extends string> {
  readonly #given: ReadonlyMap<Name, string>;

  /**
   * Unknown parameters are left out.
   *
   * @throws SyncError `BAD_REQUEST` for a known name that is repeated, or spelt as a list or an object (`name[]`)
   */
  constructor(query: URLSearchParams, names: readonly Name[]) {
    const given = new Map<Name, string>();
    for (const [key, value] of query) {
      const name = names.find((known) => key === known || key.startsWith(`${known}[`));
      if (name === undefined) continue;
      if (key !== name) throw invalidParameter(name, 'takes one value, not a list or an object');
      if (given.has(name)) throw invalidParameter(name, 'is there more than once');
      given.set(name, value);
    }
    this.#given = given;
  }

  /** The value as it came; `null` when the parameter is absent. */
  text(name: Name): string | null {
    return this.#given.get(name) ?? null;
  }

  /** @throws SyncError `BAD_REQUEST` for anything but the one spelling of a height (protocol section 1.3) */
  height(name: Name): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const height = parseHeight(text);
    if (height === null) {
      throw invalidParameter(name, 'is not a height (an integer from 0 to 2^53-1 in plain decimal)');
    }
    return height;
  }

  /** @throws SyncError `BAD_REQUEST` for what can be no hash of any chain */
  hash(name: Name): string | null {
    const hash = this.text(name);
    if (hash !== null && !HASH.test(hash)) throw invalidParameter(name, 'is not a hash');
    return hash;
  }
}

/** The error for a parameter. Its value is not repeated: it may be long, or anything at all. */
export function invalidParameter(name: string, what: string): SyncError {
  return new SyncError('BAD_REQUEST', `The parameter \`${name}\` ${what}.`);
}
