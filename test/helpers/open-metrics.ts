/** A family as a text of OpenMetrics has it. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

/** A line with a number. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  summary: ['_count', '_sum'],
  info: ['_info'],
};

/**
 * Reads the text form of OpenMetrics 1.0 and refuses whatever the specification does, as far as it is used here: order of
 * the lines, units, suffixes, repeated families and samples, negative counters, and what is behind the end.
 *
 * @throws Error
 */
export function parseOpenMetrics(text: string): readonly ParsedFamily[] {
  if (!text.endsWith('# EOF\n')) throw new Error('There is no # EOF, or no line feed behind it.');
  const lines = text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1);
  const families: ParsedFamily[] = [];
  for (let at = 0; at < lines.length;) {
    const { family, next } = parseFamily(lines, at);
    if (families.some(({ name }) => name === family.name)) throw new Error(`${family.name} comes twice.`);
    families.push(family);
    at = next;
  }
  return families;
}

function parseFamily(lines: readonly string[], start: number): { family: ParsedFamily; next: number } {
  let at = start;
  const meta = (kind: string): string | null => {
    const [, found = '', name = '', rest = ''] = /^# ([A-Z]+) (\S+) ?(.*)$/.exec(lines[at] ?? '') ?? [];
    if (found !== kind) return null;
    if (kind !== 'TYPE' && name !== family.name) throw new Error(`${kind} of ${name} in ${family.name}.`);
    at += 1;
    if (kind === 'TYPE') family.name = name;
    return rest;
  };
  const family = { name: '', type: '', unit: '', help: '' };
  family.type = meta('TYPE') ?? fail(`A family begins with TYPE, not: ${lines[at] ?? ''}`);
  family.unit = meta('UNIT') ?? '';
  family.help = meta('HELP') ?? fail(`${family.name} has no HELP.`);
  checkName(family);
  const samples: ParsedSample[] = [];
  for (; at < lines.length && !(lines[at] ?? '').startsWith('#'); at++)
    samples.push(parseSample(lines[at] ?? ''));
  checkSamples(family, samples);
  return { family: { ...family, samples }, next: at };
}

function checkName(family: { readonly name: string; readonly unit: string }): void {
  if (!NAME.test(family.name)) fail(`${family.name} is no name.`);
  if (family.unit !== '' && !family.name.endsWith(`_${family.unit}`))
    fail(`${family.name} does not end with its unit ${family.unit}.`);
  if (family.unit === '' && /_(bytes|seconds|blocks)$/.test(family.name)) fail(`${family.name} has no UNIT.`);
  if (/_(total|count|sum|info|bucket|created)$/.test(family.name)) fail(`${family.name} ends like a sample.`);
}

function checkSamples(
  { name, type }: { name: string; type: string },
  samples: readonly ParsedSample[],
): void {
  const suffixes = SUFFIXES[type] ?? fail(`${name} has the unknown type ${type}.`);
  if (samples.length === 0) fail(`${name} has no sample.`);
  const seen = new Set<string>();
  for (const sample of samples) {
    if (!suffixes.some((suffix) => sample.name === name + suffix))
      fail(`${sample.name} in the ${type} ${name}.`);
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) fail(`${key} comes twice.`);
    seen.add(key);
    if (type !== 'gauge' && !(sample.value >= 0)) fail(`${sample.name} is ${sample.value}.`);
    if (type === 'info' && sample.value !== 1) fail(`${sample.name} is not 1.`);
  }
}

function parseSample(line: string): ParsedSample {
  const [, name = '', inner, value = ''] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9][0-9.e+-]*|NaN|[+-]Inf)$/.exec(line) ?? [];
  if (name === '') fail(`This is no sample: ${line}`);
  return { name, labels: parseLabels(inner ?? ''), value: Number(value.replace('Inf', 'Infinity')) };
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const [all, name = '', value = ''] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/.exec(rest) ?? [
        fail(`These are no labels: ${rest}`),
      ];
    if (name in labels) fail(`The label ${name} comes twice.`);
    labels[name] = value.replace(/\\(["\\n])/g, (_found, char: string) => (char === 'n' ? '\n' : char));
    rest = rest.slice(all.length);
  }
  return labels;
}

function fail(message: string): never {
  throw new Error(message);
}
