import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a server's process tells after blocks were appended. */
export interface Appended {
  /** When each block was about to be told of, by height, in milliseconds. */
  readonly times: Readonly<Record<number, number>>;
  readonly userMicros: number;
  readonly systemMicros: number;
  /** Where the next followers begin. */
  readonly height: number;
}

/** Memory of a process, in bytes. */
export interface Memory extends NodeJS.MemoryUsage {
  /** What V8 keeps for new objects, used or not: it grows with the load up to a bound, however many follow. */
  readonly young: number;
}

/** What is measured. */
export interface FollowersOptions {
  readonly followers: number;
  readonly blocks: number;
  /** Processes that the followers are spread over. */
  readonly clients: number;
}

interface Phase {
  readonly p50: number;
  readonly p99: number;
}

const SLOW = 50;
const WARM_UP = 20;

/**
 * Appends blocks of 2 kB, 20 a second, while many clients follow, then the same with slow readers beside them; prints
 * how long the blocks take to arrive, what a delivered event takes of the server's processor, and what a follower
 * takes of its memory. `BENCH_NODE_OPTIONS` goes to the server's process (`--cpu-prof`, say).
 */
export async function benchFollowers({ followers, blocks, clients }: FollowersOptions): Promise<void> {
  const server = await Server.start();
  await server.append(WARM_UP);
  const warmUp = await server.follow(WARM_UP, 0);
  await measure('warm-up', server, [warmUp], blocks);
  await stop([warmUp]);
  const without = await server.memory();
  const fast: ChildProcess[] = [];
  for (let index = 0; index < clients; index++) {
    const share = Math.floor((followers + index) / clients);
    fast.push(await server.follow(share, 0));
  }
  report(`${followers} followers, idle`, without, await server.memory(), followers);
  const alone = await measure(`${followers} followers`, server, fast, blocks);
  const after = await server.memory();
  report('after the blocks, these included', without, after, followers);
  const slow = await server.follow(0, SLOW);
  const beside = await measure(`${followers} followers beside ${SLOW} slow ones`, server, fast, blocks);
  report('the slow ones, the new blocks included', after, await server.memory(), SLOW);
  console.log(
    `delay by the slow ones: p50 ${change(alone.p50, beside.p50)}, p99 ${change(alone.p99, beside.p99)}`,
  );
  await stop([...fast, slow, server.process]);
}

/** The server's process. */
class Server {
  readonly process: ChildProcess;
  readonly #url: string;
  #height = 0;

  constructor(process: ChildProcess, url: string) {
    this.process = process;
    this.#url = url;
  }

  static async start(): Promise<Server> {
    const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '');
    const child = fork(script('followers-server-process'), [], { execArgv: ['--expose-gc', ...options] });
    const [{ url }] = (await once(child, 'message')) as [{ readonly url: string }];
    return new Server(child, url);
  }

  async append(blocks: number): Promise<Appended> {
    const appended = (await ask(this.process, { append: blocks })) as Appended;
    this.#height = appended.height;
    return appended;
  }

  async memory(): Promise<Memory> {
    return (await ask(this.process, 'memory')) as Memory;
  }

  /** Resolves when all of them are connected. */
  async follow(fast: number, slow: number): Promise<ChildProcess> {
    const url = `${this.#url}?follow=true&from_height=${this.#height}`;
    const child = fork(script('followers-process'), [url, String(fast), String(slow)]);
    await once(child, 'message');
    return child;
  }
}

function script(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

async function ask(child: ChildProcess, message: object | string): Promise<unknown> {
  const answered = once(child, 'message');
  child.send(message);
  const [answer] = (await answered) as [unknown];
  return answer;
}

async function measure(
  label: string,
  server: Server,
  clients: readonly ChildProcess[],
  blocks: number,
): Promise<Phase> {
  const { times, userMicros, systemMicros } = await server.append(blocks);
  const reports = await Promise.all(clients.map((client) => ask(client, times)));
  const latencies = Float64Array.from(
    reports.flatMap((each) => (each as { readonly latencies: readonly number[] }).latencies),
  ).sort();
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
  const micros = (total: number): string => (total / latencies.length).toFixed(1);
  const cpu = `${micros(userMicros + systemMicros)} µs of processor each (${micros(systemMicros)} in the system)`;
  const [p50, p99, max] = [at(0.5), at(0.99), latencies.at(-1) ?? Number.NaN];
  const spread = [p50, p99, max].map((value) => value.toFixed(1)).join(' / ');
  console.log(`${label}: ${latencies.length} arrivals, p50 / p99 / max ${spread} ms, ${cpu}`);
  return { p50, p99 };
}

function report(label: string, before: Memory, after: Memory, count: number): void {
  const each = (kind: keyof Memory): string => ((after[kind] - before[kind]) / 1000 / count).toFixed(1);
  const heap = `heap ${each('heapUsed')} of ${each('heapTotal')}, ${each('young')} of it for new objects`;
  const detail = `${heap}; external ${each('external')}`;
  console.log(`${label}: ${each('rss')} kB resident for each (${detail})`);
}

function change(from: number, to: number): string {
  const percent = (to / from - 1) * 100;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
}

async function stop(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const exited = once(child, 'exit');
    // The server's process ends by itself, so that a profile of it is written.
    child.disconnect();
    await exited;
  }
}
