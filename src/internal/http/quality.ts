/** One item of a header like `Accept`: what it names, and how much it is wanted. */
export interface Weighted {
  /** Lower case, without parameters. */
  readonly value: string;
  /** 0 (refused) to 1. */
  readonly q: number;
}

/** RFC 9110 section 12.4.2: at most three decimals, at most 1. */
const QVALUE = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;
/** Items that are looked at; nobody who means it names more. */
const MAX_ITEMS = 64;

/** Reads a list of weighted items (RFC 9110 section 12.4.2). An item whose weight is no weight is left out. */
export function parseWeighted(header: string): readonly Weighted[] {
  return header
    .split(',', MAX_ITEMS)
    .map(parseItem)
    .filter((item) => item !== null);
}

function parseItem(text: string): Weighted | null {
  const [value = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  if (value === '') return null;
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return QVALUE.test(weight) ? { value, q: Number(weight) } : null;
}
