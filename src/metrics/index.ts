import { readOptions } from '../internal/options/index.js';
import { VERSION } from '../internal/version.js';
import { SyncMetrics } from './metrics.js';
import { METRICS_OPTIONS, type MetricsOptions } from './options.js';

export type { PromMetric, PromRegistry, PromValues } from './prom-client.js';
export { SyncMetrics } from './metrics.js';
export type { MetricsOptions } from './options.js';
export type { Labels } from './families.js';

/**
 * Makes the metrics of one node, for `metrics` of `syncMiddleware`, for a registry of `prom-client`, or to be read as text.
 * {@link SyncMetrics.watch} takes an engine or a chain in; a server that is made with them is taken in by itself.
 *
 * @throws TypeError for an option that isn't one, and for labels that OpenMetrics does not have
 */
export function createMetrics(options: MetricsOptions = {}): SyncMetrics {
  const { labels: own } = readOptions('createMetrics', options, METRICS_OPTIONS);
  return new SyncMetrics(own, VERSION);
}
