import { readdirSync, readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Site } from './site.js';

const PROBE = fileURLToPath(new URL('./probe-process.js', import.meta.url));
const CLIENTS_PER_ADDRESS = 10;

/** What a process holds, as Linux tells. */
export interface Held {
  readonly rssMegabytes: number;
  readonly descriptors: number;
}

export function heldBy(pid: number | undefined): Held {
  const status = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { rssMegabytes: kilobytes / 1024, descriptors: readdirSync(`/proc/${pid ?? 0}/fd`).length };
}

/** How long a small request took while something else went on. */
export interface Probed {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Asks for the status from a process of its own until the result is wanted. */
export function probe(site: Site, origin: string): { stop(): Promise<Probed> } {
  const { child } = site.spawn([process.execPath, PROBE, `${origin}/sync/status`]);
  const output = child.stdout === null ? Promise.reject(new Error('no standard output')) : text(child.stdout);
  output.catch(() => undefined);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      return JSON.parse(await output) as Probed;
    },
  };
}

/** For a table. */
export function probedText({ count, p50Ms, p99Ms, failed }: Probed): string {
  return `${count} small requests meanwhile: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, ${failed} failed`;
}

/** A local address for the n-th client, so that few share one: limits count by address. */
export function addressOf(client: number): string {
  return `127.0.1.${1 + Math.floor(client / CLIENTS_PER_ADDRESS)}`;
}

/** A request of the n-th client. Resolves with the head of the answer. */
export function request(site: Site, url: string, client: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false, localAddress: addressOf(client) }, resolve);
    asked.once('error', reject);
    site.defer(() => asked.destroy());
  });
}
