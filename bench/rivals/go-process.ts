// Runs one half of the plain design in Go, and passes on what it tells.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { settings, tell } from '../process.js';

interface Settings {
  readonly program: string;
  /** What the server serves; `null` for the client. */
  readonly file: string | null;
  /** Where the client's blocks go; `null` for the server. */
  readonly location: string | null;
  /** Of the server, which the client is told. */
  readonly url?: string;
}

const { program, file, location, url = '' } = settings() as Settings;
const args = file === null ? ['sync', url, join(location ?? '', 'blocks.ndjson')] : ['serve', file];
const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
const exited = once(child, 'exit') as Promise<[number | null]>;
process.once('message', () => child.stdin.write('stop\n'));
for await (const line of createInterface({ input: child.stdout })) await tell(JSON.parse(line) as object);
const [code] = await exited;
process.exitCode = code ?? 1;
if (process.connected) process.disconnect();
