import type { BatchObservableResult, Meter, MetricOptions, Observable } from '@opentelemetry/api';
import type { Sample } from '../metrics/families.js';
import type { SyncMetrics } from '../metrics/metrics.js';
import { METRICS, type MetricName } from '../metrics/table.js';

/** Units as OpenTelemetry writes them (UCUM). */
const UNITS = { blocks: '{block}', bytes: 'By', seconds: 's' } as const;

/**
 * Makes an instrument of a meter for each metric of a node, which are asked for their values when the meter's reader
 * collects. They have the names that they have as text, without `_total`; a summary is two counters, `_count` and `_sum`.
 *
 * @param meter - of the host's: `metrics.getMeter('blockferry')` of `@opentelemetry/api`.
 * @returns what ends it.
 */
export function observeMetrics(metrics: SyncMetrics, meter: Meter): () => void {
  const instruments = new Map((Object.keys(METRICS) as MetricName[]).flatMap((name) => made(meter, name)));
  const observe = async (result: BatchObservableResult): Promise<void> => {
    for (const { name, samples } of await metrics.families())
      for (const { suffix, value, labels } of samples) {
        const instrument = instruments.get(nameOf(name, suffix));
        if (instrument !== undefined) result.observe(instrument, value, { ...labels });
      }
  };
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observed);
  return () => {
    meter.removeBatchObservableCallback(observe, observed);
  };
}

/** Exporters to Prometheus put `_total` behind a counter themselves. */
function nameOf(family: MetricName, suffix: Sample['suffix']): string {
  return suffix === '_total' ? family : `${family}${suffix}`;
}

function made(meter: Meter, family: MetricName): readonly (readonly [string, Observable])[] {
  const { type, unit, help } = METRICS[family];
  const inUnit = { description: help, ...(unit === null ? {} : { unit: UNITS[unit] }) };
  const counter = (name: string, options: MetricOptions): readonly [string, Observable] => [
    name,
    meter.createObservableCounter(name, options),
  ];
  const gauge = (name: string): readonly [string, Observable] => [
    name,
    meter.createObservableGauge(name, inUnit),
  ];
  switch (type) {
    case 'counter':
      return [counter(family, inUnit)];
    case 'gauge':
      return [gauge(family)];
    case 'info':
      return [gauge(nameOf(family, '_info'))];
    case 'summary':
      return [
        counter(nameOf(family, '_count'), { description: help }),
        counter(nameOf(family, '_sum'), inUnit),
      ];
  }
}
