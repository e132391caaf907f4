import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../helpers/free-port.js';
import { selfSigned } from '../../server/http2-support.js';

const DOCUMENT = fileURLToPath(new URL('../../../../docs/scaling.md', import.meta.url));
const START_MS = 10_000;

/** A running nginx. */
export interface Nginx {
  readonly url: string;
  readonly ca: Buffer;
  end(): Promise<void>;
}

/** @returns why it can't be used here; `null` when it can. */
export function programMissing(...command: readonly [string, ...string[]]): string | null {
  const [file, ...args] = command;
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return null;
  } catch {
    return `there is no ${file}`;
  }
}

/** Starts nginx with the lines that docs/scaling.md tells operators to use. */
export async function startNginx(dir: string, originPort: number): Promise<Nginx> {
  const { key, cert } = selfSigned();
  const port = await freePort();
  writeFileSync(join(dir, 'key.pem'), key, { mode: 0o600 });
  writeFileSync(join(dir, 'cert.pem'), cert);
  mkdirSync(join(dir, 'temp'));
  const lines = filled(documented(), {
    '/var/cache/nginx/blockferry': join(dir, 'cache'),
    '/etc/ssl/sync.example/': `${dir}/`,
    'server 127.0.0.1:8080;': `server 127.0.0.1:${originPort};`,
    'listen 443 ': `listen 127.0.0.1:${port} `,
  });
  writeFileSync(join(dir, 'nginx.conf'), around(dir, lines));
  return { url: `https://127.0.0.1:${port}`, ca: cert, end: await started(dir, port) };
}

/** Starts nginx with some lines, in which PORT stands for where it listens. */
export async function plainNginx(
  dir: string,
  lines: string,
): Promise<{ readonly port: number; end(): Promise<void> }> {
  const port = await freePort();
  mkdirSync(join(dir, 'temp'));
  writeFileSync(join(dir, 'nginx.conf'), around(dir, lines.replaceAll('PORT', String(port))));
  return { port, end: await started(dir, port) };
}

/** @returns what ends it */
async function started(dir: string, port: number): Promise<() => Promise<void>> {
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'inherit' });
  await untilItListens(child, port);
  return async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  };
}

function documented(): string {
  const [, lines] = /^```nginx\n(.*?)^```$/ms.exec(readFileSync(DOCUMENT, 'utf8')) ?? [];
  if (lines === undefined) throw new Error(`${DOCUMENT} has no nginx block`);
  return lines;
}

function filled(lines: string, places: Readonly<Record<string, string>>): string {
  return Object.entries(places).reduce((text, [place, by]) => {
    if (!text.includes(place)) throw new Error(`the documented lines lack ${place}`);
    return text.replaceAll(place, by);
  }, lines);
}

/** What a packaged nginx has around such lines. */
function around(dir: string, lines: string): string {
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    // The folder is its owner's only; root's nginx would give it to somebody else.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'daemon off;',
    'worker_processes 1;',
    `pid ${dir}/nginx.pid;`,
    `error_log ${dir}/error.log error;`,
    'events { worker_connections 4096; }',
    'http {',
    'access_log off;',
    ...temps.map((name) => `${name}_temp_path ${dir}/temp/${name};`),
    lines,
    '}',
  ].join('\n');
}

async function untilItListens(child: ChildProcess, port: number): Promise<void> {
  const until = Date.now() + START_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => {
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    socket.destroy();
    if (open) return;
    if (child.exitCode !== null || Date.now() > until) throw new Error('nginx did not start');
    await delay(50);
  }
}
