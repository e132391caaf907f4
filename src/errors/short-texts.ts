/** Words on a code where each byte is fetched: they say where the others are. */
export function errorTexts(code: string): { readonly summary: string; readonly action: string } {
  return {
    summary: `The error ${code}.`,
    action: `See ${code} in docs/errors.md of blockferry, which says what to do.`,
  };
}
