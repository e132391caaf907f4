import { AssertionError } from 'node:assert';
import type { ComplianceCase, ComplianceOptions } from './case.js';

/** Longest time of a case: some runners begin all at once, so it is far longer than all take together. */
const LIMIT_MS = 180_000;

/** Cases that fail when they take too long, so that a plugin which never answers is named by the case that it hangs in. */
export function limited(
  cases: readonly ComplianceCase[],
  { caseLimitMs: limitMs = LIMIT_MS }: ComplianceOptions = {},
): readonly ComplianceCase[] {
  if (!(Number.isFinite(limitMs) && limitMs > 0 && limitMs < 2 ** 31))
    throw new TypeError(`\`caseLimitMs\` is ${limitMs}, not a number of milliseconds.`);
  return cases.map((each) => ({
    id: each.id,
    title: each.title,
    run: () => within(each.run(), `${each.id} ${each.title}`, limitMs),
  }));
}

async function within(running: Promise<void>, name: string, limitMs: number): Promise<void> {
  let forget = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new AssertionError({ message: `It did not end within ${limitMs / 1000} s: ${name}` }));
    }, limitMs);
    forget = () => {
      clearTimeout(timer);
    };
  });
  try {
    await Promise.race([running, late]);
  } finally {
    forget();
  }
}
