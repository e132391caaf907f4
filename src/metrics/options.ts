import { isObject, type Reader, refusal, unfit, withDefault } from '../internal/options/index.js';
import type { Labels } from './families.js';

/** Options of `createMetrics`. */
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
