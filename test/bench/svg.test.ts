import test from 'ava';
import { barChart } from '../../bench/svg.js';

const chart = barChart({
  title: 'a < b & "c": blocks/s',
  unit: 'MB',
  bars: [
    { label: 'ours', value: 1000, ours: true },
    { label: 'plain', value: 250, ours: false },
    { label: 'none', value: 0, ours: false },
  ],
});

/** Widths of the bars, without the background. */
function widths(svg: string): readonly number[] {
  return [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
}

test('The bars of a chart are as long as their values', (t) => {
  const [ours = 0, plain, none] = widths(chart);
  t.true(ours > 0);
  t.is(plain, ours / 4);
  t.is(none, 0);
  t.true(chart.includes('>1,000 MB</text>'));
});

test('What is special in XML is escaped', (t) => {
  t.true(chart.includes('<title>a &lt; b &amp; &quot;c&quot;: blocks/s</title>'));
});

test('A chart without a value above zero is drawn', (t) => {
  t.deepEqual(widths(barChart({ title: 'x', unit: '', bars: [{ label: 'a', value: 0, ours: true }] })), [0]);
  t.deepEqual(widths(barChart({ title: 'x', unit: '', bars: [] })), []);
});
