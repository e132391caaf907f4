import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Appended, Memory } from '../../../bench/followers.js';
import { heldBy } from '../load.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';

const PROCESSES = 2;
const BLOCKS = 20;
const MAX_KILOBYTES = 30;
const MAX_LEFT_MEGABYTES = 5;

function started(
  site: Site,
  name: string,
  args: readonly string[],
  execArgv: readonly string[],
): ChildProcess {
  const script = fileURLToPath(new URL(`../../../bench/${name}.js`, import.meta.url));
  const child = fork(script, args, { execArgv: [...execArgv] });
  const exited = once(child, 'exit');
  site.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return child;
}

async function ask<T>(child: ChildProcess, message: object | string): Promise<T> {
  const answered = once(child, 'message');
  child.send(message);
  const [answer] = (await answered) as [T];
  return answer;
}

/** Bytes of objects and buffers, whatever the process keeps for later. */
const inUse = ({ heapUsed, external }: Memory): number => heapUsed + external;

export const followersAtHead: Row = {
  name: 'followers-at-head',
  group: 'load',
  fault:
    '5,000 clients (in a slice 500) follow for a minute (in a slice 3 s) with 20 new blocks, then all leave',
  bar: 'every block reaches every client, no connection ends; at most 30 kB of memory each; once they left, descriptors and what is in memory (heap and buffers, within 5 MB) are those of before',
  needs: ['Linux'],
  inSlice: false,
  limitSeconds: 180,
  control: null,
  async run(site, scale) {
    const followers = scale.pick(5_000, 500);
    const server = started(site, 'followers-server-process', [], ['--expose-gc']);
    const [{ url }] = (await once(server, 'message')) as [{ readonly url: string }];
    const { height } = await ask<Appended>(server, { append: BLOCKS });
    const before = await ask<Memory>(server, 'memory');
    const start = heldBy(server.pid);
    const clients: ChildProcess[] = [];
    for (let index = 0; index < PROCESSES; index++) {
      const from = `${url}?follow=true&from_height=${height}`;
      const client = started(site, 'followers-process', [from, String(followers / PROCESSES), '0'], []);
      await once(client, 'message');
      clients.push(client);
    }
    const during = await ask<Memory>(server, 'memory');
    const { times } = await ask<Appended>(server, { append: BLOCKS });
    const reports = await Promise.all(
      clients.map((client) => ask<{ readonly latencies: readonly number[] }>(client, times)),
    );
    const latencies = reports.flatMap((each) => each.latencies).sort((a, b) => a - b);
    must(latencies.length === followers * BLOCKS, `${latencies.length} of ${followers * BLOCKS} arrivals`);
    // Longer than the time between two heartbeats.
    await delay(scale.pick(60_000, 3_000));
    const isOpen = clients.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    must(isOpen, 'a connection ended');
    for (const client of clients) {
      const gone = once(client, 'exit');
      client.disconnect();
      await gone;
    }
    await delay(2_000);
    const after = await ask<Memory>(server, 'memory');
    const end = heldBy(server.pid);
    const each = (during.rss - before.rss) / 1000 / followers;
    const left = (inUse(after) - inUse(before)) / 1e6;
    const resident = (after.rss - before.rss) / 1e6;
    // What the process needs for the first ones is shared by too few in a slice.
    must(scale.isSlice || each <= MAX_KILOBYTES, `${each.toFixed(1)} kB each`);
    must(end.descriptors <= start.descriptors + 2, `${end.descriptors} descriptors for ${start.descriptors}`);
    must(left <= MAX_LEFT_MEGABYTES, `${left.toFixed(1)} MB were left`);
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
    return [
      `${followers} followers: ${each.toFixed(1)} kB each; ${latencies.length} arrivals, p99 ${p99.toFixed(0)} ms`,
      `${start.descriptors} descriptors before, ${end.descriptors} after; ${left.toFixed(1)} MB left in use, ${resident.toFixed(1)} MB resident`,
    ];
  },
};
