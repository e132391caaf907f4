import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../helpers/free-port.js';
import { until } from '../../helpers/waiting.js';
import { Producer } from '../../scenarios/producer.js';
import type { Program } from '../../scenarios/program.js';
import { clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { readJournal } from '../journal.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { SlowLine } from '../slow-line.js';
import { makeSource } from '../source.js';
import { TwoHosts } from '../two-hosts.js';

const MAX_ATTEMPTS = 10;
const BACK_MS = 35_000;

/** A name server of a namespace that answers nobody. */
function deadNames(site: Site, namespace: string): void {
  const folder = `/etc/netns/${namespace}`;
  mkdirSync(folder, { recursive: true });
  site.defer(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(`${folder}/resolv.conf`, 'nameserver 10.213.9.77\noptions timeout:1 attempts:1\n');
}

/** How a sync that can't reach its peer ends. */
async function endOf(site: Site, hosts: TwoHosts, url: string): Promise<string> {
  const data = site.path(`none-${url.replaceAll(/\W/g, '')}`);
  const startMs = performance.now();
  const program = site.program(['sync', '--peer', url, '--data', data], hosts.prefix('client'));
  const code = await program.exited;
  const error = program.lines.find(({ event }) => event === 'error');
  must(code === 1 && typeof error?.['code'] === 'string', `${url}: exit status ${code ?? 'none'}, no code`);
  return `${String(error?.['code'])} and exit status 1 after ${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

export const unreachable: Row = {
  name: 'unreachable',
  group: 'line',
  fault:
    'the first packet of each connection is dropped; the name server is dead; the link is down for 3 s in the middle of a sync',
  bar: 'an error with a code in bounded time; after the link is back the sync ends, whole',
  needs: ['network namespaces', 'iptables', 'tbf'],
  inSlice: false,
  limitSeconds: 240,
  control: null,
  async run(site) {
    const source = await makeSource(site, 4_000, 1_500);
    const hosts = new TwoHosts(site);
    deadNames(site, hosts.name('client'));
    const url = await serve(site, source, { host: hosts.address, prefix: hosts.prefix('server') });
    hosts.dropConnects(true);
    const dropped = endOf(site, hosts, url);
    const unnamed = endOf(site, hosts, 'http://node.example');
    const figures = [`connects dropped: ${await dropped}`, `no name server: ${await unnamed}`];
    hosts.dropConnects(false);

    hosts.narrow('2mbit');
    const options = clientOptions(site, url);
    const client = startClient(site, options, { prefix: hosts.prefix('client') });
    await isOpen(client);
    await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= 50);
    hosts.link('client', 'down');
    await delay(3_000);
    hosts.link('client', 'up');
    const [life] = await finished(client, options, source);
    figures.push(`link down for 3 s: complete, ${life?.retries.length ?? 0} reconnects`);
    return figures;
  },
};

/** A server that takes what it is given, at a fixed port. */
function ingesting(site: Site, port: string): Program {
  const args = ['serve', '--data', site.path('source'), '--chain', 'sealed-json', '--ingest', '-'];
  return site.program([...args, '--port', port]);
}

export const serverDown: Row = {
  name: 'server-down',
  group: 'line',
  fault: 'the server is down for 75 s (in a slice 6 s) while a client follows it',
  bar: 'at most 10 attempts to reach it in the first minute; at its head again within 35 s of its return',
  needs: [],
  inSlice: false,
  limitSeconds: 400,
  control: null,
  async run(site, scale) {
    const producer = new Producer();
    const port = String(await freePort());
    let server = ingesting(site, port);
    const url = await server.url();
    server.write(producer.lines(100));
    const follower = site.program(['sync', '--peer', url, '--data', site.path('node'), '--follow']);
    const atHead = (): Promise<unknown> => {
      const { hash } = producer;
      return follower.find((line) => (line['head'] as { hash?: string } | null | undefined)?.hash === hash);
    };
    await atHead();
    const before = follower.lines.length;
    const downMs = performance.now();
    await server.end('SIGKILL');
    const attemptsAt: number[] = [];
    site.defer(
      follower.onLine(({ event }) => {
        if (event === 'retry') attemptsAt.push(performance.now() - downMs);
      }),
    );
    await delay(scale.pick(75_000, 6_000));
    const inMinute = attemptsAt.filter((ms) => ms <= 60_000).length;
    must(before > 0 && inMinute <= MAX_ATTEMPTS, `${inMinute} attempts in the first minute`);
    server = ingesting(site, port);
    await server.url();
    const upMs = performance.now();
    server.write(producer.lines(20));
    await atHead();
    const backMs = performance.now() - upMs;
    must(backMs <= BACK_MS, `back at the head after ${(backMs / 1000).toFixed(1)} s`);
    return [
      `${inMinute} attempts in the first minute, ${attemptsAt.length} in all; at the head ${(backMs / 1000).toFixed(1)} s after its return`,
    ];
  },
};

export const stoppedServer: Row = {
  name: 'stopped-server',
  group: 'line',
  fault: 'the server’s process is stopped (SIGSTOP) for 60 s (in a slice 2 s) in the middle of a sync',
  bar: 'the sync ends once it goes on; whole, once each, in order',
  needs: [],
  inSlice: true,
  limitSeconds: 200,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, 4_000);
    const program = site.program(['serve', '--data', source.location, '--port', '0']);
    const line = await SlowLine.to(site, await program.url(), 700_000);
    const options = clientOptions(site, line.url);
    const client = startClient(site, options);
    await isOpen(client);
    await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= 50);
    program.child.kill('SIGSTOP');
    await delay(scale.pick(60_000, 2_000));
    program.child.kill('SIGCONT');
    const startMs = performance.now();
    const [life] = await finished(client, options, source);
    const took = ((performance.now() - startMs) / 1000).toFixed(1);
    return [`complete ${took} s after it went on, ${life?.retries.length ?? 0} reconnects`];
  },
};

export const killedServer: Row = {
  name: 'killed-server',
  group: 'line',
  fault: 'the server is killed (SIGKILL) every 2 s in the middle of a sync, and started again',
  bar: 'the sync ends; whole, once each, in order',
  needs: [],
  inSlice: false,
  limitSeconds: 200,
  control: null,
  async run(site) {
    const source = await makeSource(site, 12_000);
    const port = String(await freePort());
    const start = (): Program => site.program(['serve', '--data', source.location, '--port', port]);
    let server = start();
    const line = await SlowLine.to(site, await server.url(), 700_000);
    const options = clientOptions(site, line.url);
    const client = startClient(site, options);
    // A peer that never worked is given up after five attempts.
    await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= 0);
    const ended = client.ended.then(() => true);
    let kills = 0;
    while (!(await Promise.race([ended, delay(2_000, false)]))) {
      await server.end('SIGKILL');
      kills += 1;
      server = start();
      await server.url();
    }
    const [life] = await finished(client, options, source);
    must(kills >= 3, `the sync was over after ${kills} kills`);
    return [`complete after ${kills} kills, ${life?.retries.length ?? 0} reconnects`];
  },
};
