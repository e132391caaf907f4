import { execFileSync } from 'node:child_process';
import test from 'ava';

const MODULE = new URL('../../src/cli/small-heap.js', import.meta.url).href;

/** Leaves `size`, the largest room for new objects, and `total`, the largest heap, both in MiB. */
const LOAD = `
  const { getHeapSpaceStatistics, getHeapStatistics } = await import('node:v8');
  const kept = Array.from({ length: 200_000 }, (_, i) => ({ i, more: [i] }));
  const most = { size: 0, total: 0 };
  for (let i = 0; i < 3_000_000; i++) {
    kept[(i * 7919) % kept.length] = { i, more: [i] };
    if (i % 10_000 !== 0) continue;
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    most.size = Math.max(most.size, young.space_size / 2 ** 20);
    most.total = Math.max(most.total, getHeapStatistics().total_heap_size / 2 ** 20);
  }
  console.log(JSON.stringify(most));
`;

/** What a load that lets the heap grow makes of it. */
function afterLoad(
  isKeptSmall: boolean,
  ...options: readonly string[]
): { readonly size: number; readonly total: number } {
  const call = `(await import('${MODULE}')).keepHeapSmall();`;
  const script = isKeptSmall ? call + LOAD : LOAD;
  const output = execFileSync(process.execPath, [...options, '--input-type=module', '--eval', script]);
  return JSON.parse(output.toString()) as { size: number; total: number };
}

test('the room for new objects grows less, unless Node was told how large it may be', (t) => {
  // Where the collector gets no processor in time, it grows further now and then.
  const small = Math.min(...Array.from({ length: 3 }, () => afterLoad(true).size));
  t.true(small < afterLoad(false).size / 2);
  t.true(small < afterLoad(true, '--max-semi-space-size=8').size);
});

test('the heap grows less before it is collected, unless Node was told how far it may', (t) => {
  const told = afterLoad(true, '--heap-growing-percent=400').total;
  // The collector works beside: one that gets no processor in time lets the heap grow further.
  const least = Math.min(afterLoad(true).total, afterLoad(true).total);
  t.true(least < 0.7 * told, `${least} of ${told} MiB`);
});
