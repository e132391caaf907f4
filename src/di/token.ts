declare const type: unique symbol;

/** Name of one part of an engine, carrying the part's type. */
export type Token<T> = symbol & { readonly [type]?: T };

/** Makes a token. Tokens of one name are equal, also across copies of this package. */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`blockferry/${name}`);
}
