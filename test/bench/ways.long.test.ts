import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fill } from '../../bench/fill.js';
import { measureWays, type WayRuns } from '../../bench/stream.js';
import { ours, type Way } from '../../bench/ways.js';
import { findWorkload } from '../../bench/workloads.js';
import { tempDir } from '../helpers/temp-dir.js';

const CHAIN = 'sealed-json';
/** Two whole tiles are settled, the rest is not. */
const BLOCKS = 2200;

async function measure(
  t: ExecutionContext,
  changed: (ways: readonly Way[]) => readonly Way[],
): Promise<readonly WayRuns[]> {
  const dir = tempDir(t);
  const [store, copy] = [join(dir, 'store'), join(dir, 'copy')];
  const workload = findWorkload('sealed-900', BLOCKS);
  if (workload === null) throw new Error('There is no such workload.');
  const filled = await fill(store, workload);
  return await measureWays(changed(ours({ store, copy, chain: CHAIN })), { ...filled, copy }, 1);
}

test('Each of our ways but the snapshot brings all blocks as it says, and is measured on both sides', async (t) => {
  const results = await measure(t, (ways) => ways.filter(({ name }) => name !== 'snapshot'));
  t.deepEqual(
    results.map(({ way, runs: [run] }) => [way.name, run?.client.mode]),
    [
      ['tiles', 'tiles'],
      ['tiles-2', 'tiles'],
      ['stream', 'stream'],
      ['identity', 'stream'],
      ['ranges', 'json'],
    ],
  );
  const runs = results.flatMap(({ runs }) => runs);
  t.is(runs.length, results.length);
  const taken = runs.flatMap(({ client, server, diskBytes }) => [
    client.cpuMs,
    client.loop?.p99Ms,
    server?.cpuMs,
    server?.wireBytes,
    diskBytes,
  ]);
  t.true(taken.every((value) => typeof value === 'number' && value > 0));
});

test('A client that does not take the way that is to be measured fails the measurement', async (t) => {
  const withoutTiles = (ways: readonly Way[]): readonly Way[] =>
    ways.flatMap((way) =>
      way.name === 'tiles' && way.server !== null
        ? [{ ...way, server: { ...way.server, settings: { ...way.server.settings, tiles: false } } }]
        : [],
    );
  await t.throwsAsync(measure(t, withoutTiles), { message: 'tiles: the client took stream, not tiles.' });
});
