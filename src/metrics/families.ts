import { METRICS, type MetricInfo, type MetricName } from './table.js';

/** Names and values that tell the samples of one family apart. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Sample {
  /** Behind the name of the family. */
  readonly suffix: '' | '_total' | '_sum' | '_count' | '_info';
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with its samples. */
export interface Family extends MetricInfo {
  readonly name: MetricName;
  readonly samples: readonly Sample[];
}

/** Gathers samples, and gives the families that have any, in the order of the table. */
export class Families {
  readonly #labels: Labels;
  readonly #samples = new Map<MetricName, Sample[]>();

  /** @param labels - of every sample. */
  constructor(labels: Labels) {
    this.#labels = labels;
  }

  /** Adds a number; `null` for one that there is not. */
  add(name: MetricName, value: number | null, labels: Labels = {}): void {
    if (value === null) return;
    const suffix = SUFFIXES[METRICS[name].type];
    this.#put(name, { suffix, value, labels });
  }

  /** Adds how often something was done, and how long it took in all. */
  addTiming(name: MetricName, { count, ms }: { readonly count: number; readonly ms: number }): void {
    this.#put(name, { suffix: '_count', value: count, labels: {} });
    this.#put(name, { suffix: '_sum', value: ms / 1000, labels: {} });
  }

  all(): readonly Family[] {
    return (Object.keys(METRICS) as MetricName[]).flatMap((name) => {
      const samples = this.#samples.get(name);
      return samples === undefined ? [] : [{ name, ...METRICS[name], samples }];
    });
  }

  #put(name: MetricName, sample: Sample): void {
    const samples = this.#samples.get(name) ?? [];
    samples.push({ ...sample, labels: { ...this.#labels, ...sample.labels } });
    this.#samples.set(name, samples);
  }
}

const SUFFIXES = { counter: '_total', gauge: '', summary: '', info: '_info' } as const;
