import { clientOptions, finished, serve, startClient } from '../client.js';
import { must, type Row } from '../row.js';
import { makeSource } from '../source.js';
import { TwoHosts } from '../two-hosts.js';

const BLOCKS = 2_000;

export const packetLoss: Row = {
  name: 'packet-loss',
  group: 'line',
  fault: '1, 5 and 20 % of all packets are lost, in both directions',
  bar: '2,000 blocks within 2 times, 3 times the time without loss, and within 60 s; whole, once each, in order, the state of a clean replay',
  needs: ['network namespaces', 'iptables'],
  inSlice: false,
  limitSeconds: 180,
  control: null,
  async run(site, { isSlice }) {
    const source = await makeSource(site, BLOCKS);
    const hosts = new TwoHosts(site);
    const url = await serve(site, source, { host: hosts.address, prefix: hosts.prefix('server') });
    const time = async (name: string): Promise<number> => {
      const options = clientOptions(site, url, name);
      const startMs = performance.now();
      const client = startClient(site, options, { prefix: hosts.prefix('client') });
      await client.ended;
      const tookMs = performance.now() - startMs;
      await finished(client, options, source);
      return tookMs;
    };
    const cleanMs = await time('clean');
    const figures = [`without loss ${seconds(cleanMs)}`];
    for (const [percent, boundMs] of [
      [1, 2 * cleanMs],
      [5, 3 * cleanMs],
      [20, 60_000],
    ] as const) {
      if (isSlice && percent === 1) continue;
      hosts.lose(percent / 100);
      // The better of two: what the machine does beside it is not the line's.
      let tookMs = await time(`lost-${percent}`);
      if (tookMs > boundMs) tookMs = await time(`lost-${percent}-again`);
      figures.push(`${percent} % lost (${hosts.dropped()} packets): ${seconds(tookMs)}`);
      must(hosts.dropped() > 0, `no packet was lost at ${percent} %`);
      // In a slice the machine may be busy with anything.
      must(isSlice || tookMs <= boundMs, `${percent} % took ${seconds(tookMs)} of ${seconds(boundMs)}`);
    }
    return figures;
  },
};

export const delayedPackets: Row = {
  name: 'delayed-packets',
  group: 'line',
  fault: 'packets take 150 ± 50 ms, so that they overtake each other; 3 % are lost and 2 % come twice',
  bar: '2,000 blocks within 60 s; whole, once each, in order, the state of a clean replay',
  needs: ['network namespaces', 'TUN devices'],
  inSlice: true,
  limitSeconds: 120,
  control: null,
  async run(site) {
    const source = await makeSource(site, BLOCKS);
    const hosts = new TwoHosts(site);
    await hosts.delay({ delaySeconds: 0.15, jitterSeconds: 0.05, loss: 0.03, doubled: 0.02 });
    const url = await serve(site, source, { host: hosts.delayedAddress, prefix: hosts.prefix('server') });
    const options = clientOptions(site, url);
    const startMs = performance.now();
    const client = startClient(site, options, { prefix: hosts.prefix('client') });
    await client.ended;
    const tookMs = performance.now() - startMs;
    const [life] = await finished(client, options, source);
    must(tookMs <= 60_000, `it took ${seconds(tookMs)}`);
    return [`${BLOCKS} blocks in ${seconds(tookMs)}, ${life?.retries.length ?? 0} reconnects`];
  },
};

export const narrowLine: Row = {
  name: 'narrow-line',
  group: 'line',
  fault: 'the line passes 1 Mbit/s',
  bar: 'the sync ends without a single reconnect: nothing times out while bytes flow',
  needs: ['network namespaces', 'tbf'],
  inSlice: false,
  limitSeconds: 180,
  control: null,
  async run(site) {
    const source = await makeSource(site, 4_000, 1_500);
    const hosts = new TwoHosts(site);
    hosts.narrow('1mbit');
    const url = await serve(site, source, { host: hosts.address, prefix: hosts.prefix('server') });
    const options = clientOptions(site, url);
    const startMs = performance.now();
    const client = startClient(site, options, { prefix: hosts.prefix('client') });
    const [life] = await finished(client, options, source);
    const retries = life?.retries.length ?? 0;
    must(retries === 0, `${retries} reconnects`);
    return [`${source.documents.length} blocks in ${seconds(performance.now() - startMs)}, 0 reconnects`];
  },
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
