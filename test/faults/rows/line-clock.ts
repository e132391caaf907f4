import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { libraryOf } from '../needs.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { SlowLine } from '../slow-line.js';
import { makeSource } from '../source.js';

/** What the clock is set to, one after the other, in the middle of a sync. */
const STEPS = ['-7200', '+400d', '@2038-01-20 00:00:00', '+0'];

function faked(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { LD_PRELOAD: libraryOf('faketime') ?? '', DONT_FAKE_MONOTONIC: '1', ...more };
}

/** How a client whose clock is off ends that is to begin with a snapshot made now. */
async function snapshotAt(site: Site, url: string, key: string, offset: string): Promise<string> {
  const data = site.path(`snapshot${offset}`);
  const args = ['sync', '--peer', url, '--data', data, '--mode', 'snapshot', '--trust', key];
  const env = Object.entries(faked({ FAKETIME: offset })).map(([name, value]) => `${name}=${value ?? ''}`);
  const program = site.program(args, ['env', ...env]);
  const code = await program.exited;
  const error = program.lines.find(({ event }) => event === 'error');
  return code === 0 ? 'taken' : String(error?.['code']);
}

export const clock: Row = {
  name: 'clock',
  group: 'line',
  fault:
    'the client’s clock goes back 2 h, forward 400 days, to 2038, and ten times as fast in the middle of a sync; a snapshot is met 400 days later',
  bar: 'no timeout by mistake; the snapshot is refused as `SNAPSHOT_EXPIRED`, and taken while it is new',
  needs: ['Linux', 'libfaketime'],
  inSlice: false,
  limitSeconds: 120,
  control: null,
  async run(site) {
    const source = await makeSource(site, 3_000);
    const line = await SlowLine.to(site, await serve(site, source), 400_000);
    const file = site.path('clock');
    writeFileSync(file, '+0\n');
    const options = clientOptions(site, line.url, 'stepped');
    const env = faked({ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' });
    const client = startClient(site, options, { env });
    await isOpen(client);
    for (const step of STEPS) {
      await delay(500);
      writeFileSync(file, `${step}\n`);
    }
    const [stepped] = await finished(client, options, source);
    const fastOptions = clientOptions(site, line.url, 'fast');
    const fast = startClient(site, fastOptions, { env: faked({ FAKETIME: '+0 x10' }) });
    const [hurried] = await finished(fast, fastOptions, source);
    const retries = (stepped?.retries.length ?? 0) + (hurried?.retries.length ?? 0);
    must(retries === 0, `${retries} reconnects`);
    return [`${STEPS.length} steps and 10 times as fast: complete, 0 reconnects`, await snapshots(site)];
  },
};

async function snapshots(site: Site): Promise<string> {
  const key = site.path('key');
  const made = site.program(['keygen', '--out', key]);
  await made.exited;
  const publicKey = String(made.lines.find((each) => 'publicKey' in each)?.['publicKey']);
  const { location } = await makeSource(site, 300, 700, 'snapshots');
  const created = site.program(['snapshot', 'create', '--data', location, '--key', key, '--codec', 'gzip']);
  await created.exited;
  const url = await site.program(['serve', '--data', location, '--key', key, '--port', '0']).url();
  const late = await snapshotAt(site, url, publicKey, '+400d');
  must(late === 'SNAPSHOT_EXPIRED', `a snapshot of 400 days ago: ${late}`);
  const now = await snapshotAt(site, url, publicKey, '+0');
  must(now === 'taken', `a snapshot made now: ${now}`);
  return 'the snapshot 400 days later: SNAPSHOT_EXPIRED, and at once: taken';
}
