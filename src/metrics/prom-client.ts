import type { Family } from './families.js';
import { METRICS, type MetricName } from './table.js';

/** What is used of a registry of `prom-client` 15: the package itself is not needed. */
export interface PromRegistry {
  /** Takes a metric in. */
  registerMetric(metric: PromMetric): void;
  /** Takes the metric of a name out. */
  removeSingleMetric(name: string): void;
}

/** A metric as registries of `prom-client` hold it. */
export interface PromMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'summary';
  readonly aggregator: 'sum';
  /** Its values at this moment. */
  get(): Promise<PromValues>;
  /** Does nothing: the figures are those of engines and servers. */
  reset(): void;
}

/** What a metric has at a moment. */
export interface PromValues {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: 'sum';
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Puts every metric into a registry, which asks for its values when it is scraped. @returns what takes them out */
export function registerIn(registry: PromRegistry, families: () => Promise<readonly Family[]>): () => void {
  const metrics = (Object.keys(METRICS) as MetricName[]).map((name) => promMetric(name, families));
  for (const metric of metrics) registry.registerMetric(metric);
  return () => {
    for (const { name } of metrics) registry.removeSingleMetric(name);
  };
}

function promMetric(family: MetricName, families: () => Promise<readonly Family[]>): PromMetric {
  const { help, type: kind } = METRICS[family];
  // Its text form has no infos, and its counters carry `_total` in their names.
  const type = kind === 'info' ? 'gauge' : kind;
  const name = `${family}${kind === 'counter' ? '_total' : kind === 'info' ? '_info' : ''}`;
  const metric = { name, help, type, aggregator: 'sum' } as const;
  return {
    ...metric,
    async get() {
      const samples = (await families()).find((each) => each.name === family)?.samples ?? [];
      const values = samples.map(({ suffix, labels, value }) =>
        type === 'summary' ? { metricName: `${name}${suffix}`, labels, value } : { labels, value },
      );
      // A registry in the form of OpenMetrics has taken `_total` off the name, and puts it behind it again.
      return { ...metric, name: this.name, values };
    },
    // Counters are those of the node, which goes on.
    reset: () => undefined,
  };
}
