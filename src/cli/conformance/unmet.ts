/** The server does not do what a case asks. */
export class Unmet extends Error {
  override readonly name: string = 'Unmet';
}

/** @throws Unmet where something does not hold */
export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Unmet(otherwise);
}
