import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '../client.js';
import { heldBy, probe, probedText, request } from '../load.js';
import { must, type Row } from '../row.js';
import { command, type Site } from '../site.js';
import { makeSource } from '../source.js';

const ALL_CLOSED_MS = 95_000;

async function socketTo(site: Site, url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  site.defer(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

export const slowHeaders: Row = {
  name: 'slow-headers',
  group: 'load',
  fault: '1,000 clients (in a slice 200) send a request one byte every two seconds',
  bar: 'others are answered meanwhile, p99 below 250 ms; all 1,000 are closed within 95 s',
  needs: [],
  inSlice: false,
  limitSeconds: 180,
  control: null,
  async run(site, scale) {
    const url = await serve(site, await makeSource(site, 100));
    const sockets: Socket[] = [];
    for (let count = scale.pick(1_000, 200); count > 0; count--) sockets.push(await socketTo(site, url));
    let open = sockets.length;
    const startMs = performance.now();
    for (const socket of sockets) {
      socket.once('close', () => (open -= 1));
      socket.resume().write('GET /sync/status HTTP/1.1\r\nhost: node\r\nx-slow: ');
    }
    const probing = probe(site, url);
    const endMs = startMs + scale.pick(ALL_CLOSED_MS, 6_000);
    while (open > 0 && performance.now() < endMs) {
      for (const socket of sockets) if (socket.writable) socket.write('x');
      await delay(2_000);
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    const probed = await probing.stop();
    must(probed.failed === 0 && probed.count > 0, probedText(probed));
    must(scale.isSlice || probed.p99Ms < 250, probedText(probed));
    must(scale.isSlice || open === 0, `${open} are open after ${seconds} s`);
    return [`${sockets.length - open} of ${sockets.length} closed after ${seconds} s`, probedText(probed)];
  },
};

export const fewDescriptors: Row = {
  name: 'few-descriptors',
  group: 'load',
  fault: 'the server may open 60 files, and 100 clients connect',
  bar: 'it does not end, and answers again within 5 s after they left',
  needs: ['Linux'],
  inSlice: true,
  limitSeconds: 60,
  control: null,
  async run(site) {
    const source = await makeSource(site, 500);
    const program = site.program(['serve', '--data', source.location, '--port', '0']);
    const url = await program.url();
    // Once it runs: while Node loads modules, it opens more than that.
    command('prlimit', '--pid', String(program.child.pid), '--nofile=60:60');
    const sockets = await Promise.all(Array.from({ length: 100 }, () => socketTo(site, url)));
    await delay(2_000);
    const { descriptors } = heldBy(program.child.pid);
    must(descriptors >= 58, `it has ${descriptors} descriptors: nothing was short`);
    for (const socket of sockets) socket.destroy();
    const startMs = performance.now();
    const ask = (): Promise<boolean> =>
      fetch(`${url}/sync/json?from=0&to=10`, { signal: AbortSignal.timeout(2_000) }).then(
        ({ status }) => status === 200,
        () => false,
      );
    while (!(await ask())) {
      must(program.child.exitCode === null, `the server ended with ${program.child.exitCode ?? 'nothing'}`);
      must(performance.now() - startMs <= 5_000, 'no answer 5 s after they left');
      await delay(50);
    }
    return [
      `no descriptor was free; answers again ${(performance.now() - startMs).toFixed(0)} ms after they left`,
    ];
  },
};

export const reconnects: Row = {
  name: 'reconnects',
  group: 'load',
  fault: '20 followers a second connect and leave without a word, for 40 s (in a slice 8 s)',
  bar: 'descriptors are those of before; memory is at most 20 MB above that after the first quarter',
  needs: ['Linux'],
  inSlice: false,
  limitSeconds: 200,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, 500);
    const program = site.program(['serve', '--data', source.location, '--port', '0']);
    const url = await program.url();
    const rounds = scale.pick(800, 160);
    const start = heldBy(program.child.pid);
    let warm = start;
    let refused = 0;
    for (let round = 0; round < rounds; round++) {
      if (round === rounds / 4) warm = heldBy(program.child.pid);
      const path = `/sync/stream?follow=true&from_height=${400 + (round % 100)}`;
      const response = await request(site, `${url}${path}`, round % 100);
      if (response.statusCode !== 200) refused += 1;
      response.on('error', () => undefined).resume();
      setTimeout(() => response.destroy(), 20 + ((round * 67) % 400));
      await delay(50);
    }
    await delay(1_500);
    const end = heldBy(program.child.pid);
    const growth = end.rssMegabytes - warm.rssMegabytes;
    must(refused === 0, `${refused} were refused`);
    must(end.descriptors <= start.descriptors + 2, `${end.descriptors} descriptors for ${start.descriptors}`);
    must(growth <= 20, `${growth.toFixed(1)} MB more`);
    return [
      `${rounds} connections: ${start.descriptors} descriptors before, ${end.descriptors} after; ${growth.toFixed(1)} MB more than after the first quarter`,
    ];
  },
};
