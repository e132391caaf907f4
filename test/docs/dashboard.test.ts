import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { METRICS, type MetricInfo } from '../../src/metrics/table.js';
import { projectRoot } from '../helpers/shared.js';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const SUFFIXES: Readonly<Record<MetricInfo['type'], readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  summary: ['_count', '_sum'],
  info: ['_info'],
};

const samples = Object.entries(METRICS).flatMap(([name, { type }]) =>
  SUFFIXES[type].map((suffix) => ({ name, sample: name + suffix })),
);

const text = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const used = (of: string): readonly string[] => of.match(/\bblockferry_[a-z_]+/g) ?? [];

test('the dashboard asks for metrics that there are, and for each of them', (t) => {
  const { panels } = JSON.parse(text('docs/grafana-dashboard.json')) as Dashboard;
  const asked = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => used(expr))));
  const known = new Map(samples.map(({ sample, name }) => [sample, name]));
  for (const name of asked) t.true(known.has(name), `${name} is no sample of a metric`);
  const shown = new Set([...asked].map((sample) => known.get(sample)));
  t.deepEqual(
    Object.keys(METRICS).filter((name) => !shown.has(name)),
    [],
  );
});

test('no two panels of the dashboard lie on each other', (t) => {
  const { panels } = JSON.parse(text('docs/grafana-dashboard.json')) as Dashboard;
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  t.is(new Set(cells).size, cells.length);
  t.true(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
});

test('the list of metrics for operators has each metric with its type, and only those', (t) => {
  const rows = [...text('docs/operations.md').matchAll(/^\| `(blockferry_[a-z_]+)` +\| (\w+) /gm)];
  t.deepEqual(
    rows.map(([, name, type]) => [name, type]),
    Object.entries(METRICS).map(([name, { type }]) => [name, type]),
  );
  const known = new Set(samples.flatMap(({ name, sample }) => [name, sample]));
  for (const name of used(text('docs/operations.md'))) t.true(known.has(name), name);
});
