import test from 'ava';
import { Families } from '../../src/metrics/families.js';
import { createMetrics } from '../../src/metrics/index.js';
import { openMetricsText } from '../../src/metrics/open-metrics.js';
import { METRICS, type MetricName } from '../../src/metrics/table.js';
import { parseOpenMetrics } from '../helpers/open-metrics.js';

const names = Object.keys(METRICS) as MetricName[];

test('every metric of the table is a family as OpenMetrics wants it, whatever is in the labels', (t) => {
  const odd = 'a "quoted" \\ back\nslash, {curly} = é';
  const families = new Families({ chain: odd });
  for (const name of names) {
    if (METRICS[name].type === 'summary') families.addTiming(name, { count: 3, ms: 1_500 });
    else families.add(name, METRICS[name].type === 'info' ? 1 : 12.5e9, { way: odd });
  }
  const text = openMetricsText(families.all());
  const parsed = parseOpenMetrics(text);
  t.deepEqual(
    parsed.map(({ name }) => name),
    names,
  );
  for (const { samples, help, unit, name } of parsed) {
    t.is(samples[0]?.labels['chain'], odd);
    t.is(unit, METRICS[name as MetricName].unit ?? '');
    t.true(help.length > 10);
  }
  const commit = parsed.find(({ name }) => name === 'blockferry_commit_seconds');
  t.deepEqual(
    commit?.samples.map(({ name, value }) => [name, value]),
    [
      ['blockferry_commit_seconds_count', 3],
      ['blockferry_commit_seconds_sum', 1.5],
    ],
  );
});

test('metrics that watch nothing are a valid page too', async (t) => {
  const metrics = createMetrics({ labels: { node: 'a' } });
  const parsed = parseOpenMetrics(await metrics.text());
  const build = parsed.find(({ name }) => name === 'blockferry_build');
  t.regex(build?.samples[0]?.labels['version'] ?? '', /^\d+\.\d+\.\d+/);
  t.is(metrics.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
});

const WRONG: Readonly<Record<string, string>> = {
  'no end': '# TYPE a gauge\n# HELP a b\na 1\n',
  'something behind the end': '# TYPE a gauge\n# HELP a b\na 1\n# EOF\nb 1\n',
  'no type': '# HELP a b\na 1\n# EOF\n',
  'no help': '# TYPE a gauge\na 1\n# EOF\n',
  'a unit that is not in the name': '# TYPE a gauge\n# UNIT a bytes\n# HELP a b\na 1\n# EOF\n',
  'a name with a unit that is not told': '# TYPE a_bytes gauge\n# HELP a_bytes b\na_bytes 1\n# EOF\n',
  'a counter without _total': '# TYPE a counter\n# HELP a b\na 1\n# EOF\n',
  'a negative counter': '# TYPE a counter\n# HELP a b\na_total -1\n# EOF\n',
  'a sample twice': '# TYPE a gauge\n# HELP a b\na{b="c"} 1\na{b="c"} 2\n# EOF\n',
  'a family twice': '# TYPE a gauge\n# HELP a b\na 1\n# TYPE a gauge\n# HELP a b\na 1\n# EOF\n',
  'a bare quote': '# TYPE a gauge\n# HELP a b\na{b="c"d"} 1\n# EOF\n',
};

test('the check of the form finds what is wrong', (t) => {
  t.is(parseOpenMetrics('# TYPE a gauge\n# HELP a b\na{b="c\\"d"} 1\n# EOF\n').length, 1);
  for (const [what, text] of Object.entries(WRONG)) t.throws(() => parseOpenMetrics(text), undefined, what);
});

test('a registry of prom-client holds every metric, with the names that its text form wants', async (t) => {
  const metrics = createMetrics();
  const held = new Map<string, Parameters<Parameters<typeof metrics.register>[0]['registerMetric']>[0]>();
  const remove = metrics.register({
    registerMetric: (metric) => held.set(metric.name, metric),
    removeSingleMetric: (name) => held.delete(name),
  });
  t.is(held.size, names.length);
  t.deepEqual((await held.get('blockferry_rollbacks_total')?.get())?.values, [{ labels: {}, value: 0 }]);
  const commit = await held.get('blockferry_commit_seconds')?.get();
  t.deepEqual(
    commit?.values.map(({ metricName }) => metricName),
    ['blockferry_commit_seconds_count', 'blockferry_commit_seconds_sum'],
  );
  t.is((await held.get('blockferry_build_info')?.get())?.values.length, 1);
  remove();
  t.is(held.size, 0);
});
