import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Producer } from './producer.js';
import { eventOf, Program } from './program.js';

const NAME = 'bf-hole';
const SERVER = '10.213.7.2';
const BAR_MS = 45_000;
const IN = ['ip', 'netns', 'exec', NAME] as const;

/**
 * The server is in a network namespace of its own, and from some moment on every packet is dropped: how long until the
 * follower notices. And how long until it is at the head when the packets are dropped for two seconds only.
 */
export async function blackHole(): Promise<void> {
  const reason = setUp();
  if (reason !== null) {
    console.log(`black hole: skipped, ${reason}`);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'hole-'));
  const producer = new Producer();
  const args = [
    'serve',
    '--data',
    join(dir, 'a'),
    '--chain',
    'sealed-json',
    '--ingest',
    '-',
    '--host',
    SERVER,
    '--port',
    '8080',
  ];
  const server = new Program(args, IN);
  let follower: Program | null = null;
  try {
    const url = await server.url();
    server.write(producer.lines(100));
    follower = new Program(['sync', '--peer', url, '--data', join(dir, 'b'), '--follow']);
    await isAt(follower, producer.hash);
    await shortDrop(follower, server, producer);
    await delay(1_000);
    const before = follower.lines.length;
    drop(true);
    const startMs = performance.now();
    server.write(producer.lines(5));
    const retry = await follower.find((line) => eventOf(line) === 'retry', before);
    const noticedMs = performance.now() - startMs;
    drop(false);
    await isAt(follower, producer.hash);
    const { code } = retry['error'] as { code: string };
    console.log(
      `black hole: noticed after ${(noticedMs / 1000).toFixed(1)} s (${code}); at the head again once it ended`,
    );
    if (noticedMs > BAR_MS + 1_000) throw new Error(`noticed later than after ${BAR_MS} ms`);
  } finally {
    await follower?.end();
    await server.end();
    tearDown();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function shortDrop(follower: Program, server: Program, producer: Producer): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    await delay(500);
    drop(true);
    const startMs = performance.now();
    server.write(producer.lines(5));
    setTimeout(() => {
      drop(false);
    }, 2_000);
    await isAt(follower, producer.hash);
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const text = times.map((time) => time.toFixed(0)).join(', ');
  console.log(`packets dropped for 2,000 ms, the connection stays up: at the head after ${text} ms`);
}

async function isAt(program: Program, hash: string): Promise<void> {
  await program.find(
    (line) => (line['head'] as { hash?: string } | null | undefined)?.hash === hash,
    Math.max(0, program.lines.length - 50),
  );
}

/** @returns why it can't be done here; `null` when it can. */
function setUp(): string | null {
  tearDown();
  try {
    ip('netns', 'add', NAME);
    ip('link', 'add', 'bfhole0', 'type', 'veth', 'peer', 'name', 'bfhole1');
    ip('link', 'set', 'bfhole1', 'netns', NAME);
    ip('addr', 'add', '10.213.7.1/24', 'dev', 'bfhole0');
    ip('link', 'set', 'bfhole0', 'up');
    ip('-n', NAME, 'addr', 'add', `${SERVER}/24`, 'dev', 'bfhole1');
    ip('-n', NAME, 'link', 'set', 'bfhole1', 'up');
    ip('-n', NAME, 'link', 'set', 'lo', 'up');
    iptables('-L');
    return null;
  } catch (error) {
    tearDown();
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

function tearDown(): void {
  for (const args of [
    ['netns', 'del', NAME],
    ['link', 'del', 'bfhole0'],
  ])
    try {
      ip(...args);
    } catch {
      // It was not there.
    }
}

function drop(on: boolean): void {
  for (const chain of ['INPUT', 'OUTPUT']) iptables(on ? '-A' : '-D', chain, '-j', 'DROP');
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

function iptables(...args: readonly string[]): void {
  const [file, ...rest] = IN;
  execFileSync(file, [...rest, 'iptables', ...args], { stdio: 'pipe' });
}
