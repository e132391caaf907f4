import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../helpers/shared.js';
import { command, type Site } from './site.js';

const DELAY_LINE = join(projectRoot, 'test', 'faults', 'tools', 'delay-line.py');
/** Seen by nobody: both ends are in namespaces that the run made. */
const ADDRESSES = { client: '10.213.9.1', server: '10.213.9.2' } as const;
const DELAYED = { client: '10.213.10.1', server: '10.213.10.2' } as const;

export type Side = 'client' | 'server';

/** Packets that wait, are lost and come twice. */
export interface Delays {
  readonly delaySeconds: number;
  readonly jitterSeconds: number;
  readonly loss: number;
  readonly doubled: number;
}

/** Two hosts with a line between them: two network namespaces of this run, and nothing else. */
export class TwoHosts {
  /** Address of the server on the plain line. */
  readonly address = ADDRESSES.server;
  /** Address of the server on the line that delays. */
  readonly delayedAddress = DELAYED.server;
  static #count = 0;
  readonly #site: Site;
  readonly #number = TwoHosts.#count++;

  constructor(site: Site) {
    this.#site = site;
    for (const side of ['client', 'server'] as const) {
      command('ip', 'netns', 'add', this.name(side));
      site.defer(() => command('ip', 'netns', 'del', this.name(side)));
      this.run(side, 'ip', 'link', 'set', 'lo', 'up');
    }
    const peer = ['type', 'veth', 'peer', 'name', 'line1', 'netns', this.name('server')];
    this.run('client', 'ip', 'link', 'add', 'line1', ...peer);
    for (const side of ['client', 'server'] as const) {
      this.run(side, 'ip', 'addr', 'add', `${ADDRESSES[side]}/24`, 'dev', 'line1');
      this.link(side, 'up');
      this.#oneByOne(side);
    }
  }

  name(side: Side): string {
    return `bff${process.pid}${side[0] ?? ''}${this.#number}`;
  }

  /** What a command is put behind to run on a side. */
  prefix(side: Side): readonly string[] {
    return ['ip', 'netns', 'exec', this.name(side)];
  }

  /** @returns the output */
  run(side: Side, file: string, ...args: readonly string[]): string {
    const [ip = '', ...inside] = this.prefix(side);
    return command(ip, ...inside, file, ...args);
  }

  link(side: Side, state: 'up' | 'down'): void {
    this.run(side, 'ip', 'link', 'set', 'line1', state);
  }

  /** Loses a part of all packets on their way in, on both sides. */
  lose(part: number): void {
    for (const side of ['client', 'server'] as const) {
      this.run(side, 'iptables', '-F', 'INPUT');
      const random = ['-m', 'statistic', '--mode', 'random', '--probability', String(part)];
      this.run(side, 'iptables', '-A', 'INPUT', '-i', 'line1', ...random, '-j', 'DROP');
    }
  }

  /** Packets that rules have dropped. */
  dropped(): number {
    const lines = (['client', 'server'] as const).flatMap((side) =>
      this.run(side, 'iptables', '-L', 'INPUT', '-v', '-x', '-n').split('\n'),
    );
    const drops = lines.filter((line) => / DROP /.test(line));
    return drops.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[0]), 0);
  }

  /** Drops everything, in both directions, or lets it pass again. */
  blackHole(on: boolean): void {
    for (const side of ['client', 'server'] as const)
      for (const chain of ['INPUT', 'OUTPUT'])
        this.run(side, 'iptables', on ? '-A' : '-D', chain, '-j', 'DROP');
  }

  /** Drops the first packet of each connection that the client begins. */
  dropConnects(on: boolean): void {
    this.run('client', 'iptables', on ? '-A' : '-D', 'OUTPUT', '-p', 'tcp', '--syn', '-j', 'DROP');
  }

  /** Bytes that pass in a second, from the server to the client. */
  narrow(rate: string): void {
    const tbf = ['root', 'tbf', 'rate', rate, 'burst', '32kb', 'latency', '400ms'];
    this.run('server', 'tc', 'qdisc', 'replace', 'dev', 'line1', ...tbf);
  }

  /** Adds the line that delays. Resolves when it is up. */
  async delay({ delaySeconds, jitterSeconds, loss, doubled }: Delays): Promise<void> {
    const ends = [this.name('client'), DELAYED.client, this.name('server'), DELAYED.server];
    const how = [delaySeconds, jitterSeconds, loss, doubled].map(String);
    const { child, ended } = this.#site.spawn(['python3', DELAY_LINE, ...ends, ...how]);
    const up = once(child.stdout ?? child, 'data').then(() => null);
    const failed = await Promise.race([up, ended]);
    if (failed !== null) throw new Error(`The line did not come up: ${failed.errors}`);
  }

  /** Connections to the server that are open as the server's system sees it. */
  connections(): number {
    const lines = this.run('server', 'ss', '-Htn', 'state', 'established').split('\n');
    return lines.filter((line) => line.includes(`${ADDRESSES.server}:`)).length;
  }

  /** Without it, what a rule drops is a bundle of many segments, and there are few of those. */
  #oneByOne(side: Side): void {
    try {
      this.run(side, 'ip', 'link', 'set', 'line1', 'gso_max_segs', '1', 'gso_max_size', '2000');
    } catch {
      // Some kernels refuse a part of it, and do the rest.
    }
  }
}
