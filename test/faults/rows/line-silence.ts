import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../helpers/waiting.js';
import { type ClientOptions, clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { readJournal } from '../journal.js';
import { must, type Row } from '../row.js';
import type { Running, Site } from '../site.js';
import { makeSource, type Source } from '../source.js';
import { TwoHosts } from '../two-hosts.js';

/** Until a client notices, with the times it has by itself. */
const NOTICED_MS = 45_000;
const SERVER_FREED_MS = 60_000;

interface Sync {
  readonly options: ClientOptions;
  readonly client: Running;
}

/** Begins a sync over a narrow line. Resolves when blocks come. */
async function begun(site: Site, hosts: TwoHosts, url: string, idleTimeoutMs: number | null): Promise<Sync> {
  const options = { ...clientOptions(site, url), idleTimeoutMs };
  const client = startClient(site, options, { prefix: hosts.prefix('client') });
  await isOpen(client);
  await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= 50);
  return { options, client };
}

/** @returns after how many milliseconds the client connects again @throws Missed after the bound */
async function noticed({ options }: Sync, boundMs: number): Promise<number> {
  const startMs = performance.now();
  while ((readJournal(options.journal)[0]?.retries.length ?? 0) === 0) {
    must(performance.now() - startMs <= boundMs, `not noticed after ${(boundMs / 1000).toFixed(1)} s`);
    await delay(50);
  }
  return performance.now() - startMs;
}

/** A black hole in the middle of a sync. @param idleTimeoutMs - of the client; `null` for its own, with the bar */
async function blackHoled(
  site: Site,
  idleTimeoutMs: number | null,
  boundMs: number,
): Promise<readonly string[]> {
  const source: Source = await makeSource(site, 6_000, 1_500);
  const hosts = new TwoHosts(site);
  hosts.narrow('2mbit');
  const url = await serve(site, source, { host: hosts.address, prefix: hosts.prefix('server') });
  const sync = await begun(site, hosts, url, idleTimeoutMs);
  must(hosts.connections() > 0, 'no connection is open');
  hosts.blackHole(true);
  const startMs = performance.now();
  const afterMs = await noticed(sync, boundMs);
  while (hosts.connections() > 0) {
    must(performance.now() - startMs <= SERVER_FREED_MS, 'the server holds the connection on');
    await delay(200);
  }
  const freedMs = performance.now() - startMs;
  hosts.blackHole(false);
  const [life] = await finished(sync.client, sync.options, source);
  const code = life?.retries[0]?.[0] ?? 'nothing';
  return [
    `the client noticed after ${(afterMs / 1000).toFixed(1)} s (${code}), the server freed it after ${(freedMs / 1000).toFixed(1)} s`,
    'went on behind its last block once packets passed',
  ];
}

export const blackHole: Row = {
  name: 'black-hole',
  group: 'line',
  fault: 'every packet is dropped, in both directions, in the middle of a sync',
  bar: 'the client notices within 45 s (in a slice within 1.5 times an idle timeout of 3 s), the server frees the connection within 60 s; then the sync ends, nothing twice',
  needs: ['network namespaces', 'iptables', 'tbf'],
  inSlice: false,
  limitSeconds: 240,
  run: (site, { isSlice }) =>
    isSlice ? blackHoled(site, 3_000, 4_500) : blackHoled(site, null, NOTICED_MS + 1_000),
  control: {
    broken: 'a client whose idle timeout is far longer',
    needs: [],
    run: (site) => blackHoled(site, 600_000, 6_000),
  },
};
