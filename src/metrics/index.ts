import { readFileSync } from 'node:fs';
import {
  isObject,
  type Reader,
  readOptions,
  refusal,
  unfit,
  withDefault,
} from '../internal/options/index.js';
import type { Labels } from './families.js';
import { SyncMetrics } from './metrics.js';

export type { PromMetric, PromRegistry, PromValues } from './prom-client.js';
export { SyncMetrics } from './metrics.js';
export type { Labels } from './families.js';

/** Options of {@link createMetrics}. */
export interface MetricsOptions {
  /**
   * Labels of every sample, as of a chain where a process has nodes of several.
   *
   * @defaultValue `{}`
   */
  readonly labels?: Labels;
}

/** Readers of {@link MetricsOptions}. */
export const METRICS_OPTIONS = { labels: withDefault(labels(), {}) };

/**
 * Makes the metrics of one node, for `metrics` of `syncMiddleware`, for a registry of `prom-client`, or to be read as text.
 * {@link SyncMetrics.watch} takes an engine or a chain in; a server that is made with them is taken in by itself.
 *
 * @throws TypeError for an option that isn't one, and for labels that OpenMetrics does not have
 */
export function createMetrics(options: MetricsOptions = {}): SyncMetrics {
  const { labels: own } = readOptions('createMetrics', options, METRICS_OPTIONS);
  return new SyncMetrics(own, versionHere());
}

/** Names that the metrics have themselves. */
const TAKEN: readonly string[] = [
  'action',
  'cause',
  'code',
  'codec',
  'direction',
  'kind',
  'outcome',
  'phase',
  'queue',
  'state',
  'status',
  'version',
  'way',
];

function labels(): Reader<Labels> {
  const expects = 'an object of names of labels and texts';
  return {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      for (const [name, text] of Object.entries(value)) {
        if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name))
          throw refusal(where, `has the name ${JSON.stringify(name)}, which no label may have.`);
        if (TAKEN.includes(name))
          throw refusal(where, `has the name ${name}, which the metrics have themselves.`);
        if (typeof text !== 'string')
          throw unfit({ ...where, path: `${where.path}.${name}` }, 'a text', text);
      }
      return Object.freeze({ ...value }) as Labels;
    },
  };
}

function versionHere(): string {
  const manifest = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}
