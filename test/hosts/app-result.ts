/** What the program of `app.ts` prints. */
interface AppResult {
  readonly threads: boolean;
  readonly warnings: readonly string[];
  readonly [check: string]: unknown;
}

/** What has to come out of it everywhere, besides threads and warnings. */
const RIGHT = {
  stream: 'stream to 1199 same',
  json: 'tiles+json to 1199 same',
  tiles: 'tiles+stream to 1199 same',
  snapshot: 'snapshot+stream to 1199 same',
  keccak: 'ethereum',
  dashboard: true,
  metrics: true,
} as const;

/** What is not right in what the program printed; `null` when all is. With `threads` at `null` they may be or not. */
export function wrongIn(output: string, { threads }: { readonly threads: boolean | null }): string | null {
  const result = parsed(output);
  if (result === null) return `it printed no result: ${output.slice(-2000)}`;
  const right = threads === null ? RIGHT : { ...RIGHT, threads };
  const wrong = Object.entries(right).filter(([name, value]) => result[name] !== value);
  if (wrong.length > 0) return wrong.map(([name]) => `${name}: ${String(result[name])}`).join(', ');
  const own = result.warnings.filter((text) => text.startsWith('BlockferryNotice'));
  return own.length === (threads === false ? 1 : 0) ? null : `${own.length} warnings: ${own.join(' ')}`;
}

function parsed(output: string): AppResult | null {
  const text = /^\{\n[\s\S]*?^\}$/m.exec(output)?.[0];
  return text === undefined ? null : (JSON.parse(text) as AppResult);
}
