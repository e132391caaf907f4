/** What a bucket's name must be (AWS: "General purpose bucket naming rules"), and what is said of one that isn't. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/^.{3,63}$/s, 'has 3 to 63 characters'],
  [/^[a-z0-9.-]*$/, 'has only lower-case letters a to z, digits, dots and hyphens'],
  [/^[a-z0-9].*[a-z0-9]$/, 'begins and ends with a letter or a digit'],
  [/^(?!.*\.\.)/, 'has no two dots beside each other'],
  [/^(?!\d+\.\d+\.\d+\.\d+$)/, 'is no IP address'],
];

/** The rule that a text breaks as the name of a bucket; `null` for none. */
export function bucketNameFault(name: string): string | null {
  const [, rule = null] = RULES.find(([pattern]) => !pattern.test(name)) ?? [];
  return rule;
}
