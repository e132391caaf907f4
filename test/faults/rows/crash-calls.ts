import { existsSync } from 'node:fs';
import type { Breakage } from '../broken-storage.js';
import { checkStore } from '../checks.js';
import { type ClientOptions, clientOptions, finished, serve, startClient } from '../client.js';
import { acknowledgedIn, readJournal } from '../journal.js';
import { must, type Row, type Scale } from '../row.js';
import type { Site } from '../site.js';
import { makeSource, type Source } from '../source.js';
import { type AtCall, type Call, CALLS, ONE_FILE_THREAD, Tracer } from '../tracer.js';

const BLOCKS = 300;
/** More than any of the calls has in such a sync. */
const MAX_CALLS = 200;

interface Count {
  /** Calls that were broken. */
  broken: number;
  /** Runs that ended with an error of the store. */
  told: number;
  /** Runs that were whole all the same. */
  whole: number;
  /** Runs that were killed before their store was open. */
  inRecovery: number;
}

/** Looks at what a run left behind; then a client without faults ends the sync. */
async function settle(site: Site, options: ClientOptions, source: Source): Promise<void> {
  const lives = readJournal(options.journal);
  const hasState = options.broken === null;
  if (acknowledgedIn(lives) >= 0) {
    must(existsSync(options.location), 'the store is gone');
    await checkStore(options.location, source, { lives, hasState });
  }
  await finished(startClient(site, options), options, source);
}

async function failOnce(
  site: Site,
  source: Source,
  options: ClientOptions,
  tracer: Tracer,
): Promise<keyof Count | null> {
  const client = startClient(site, options, { prefix: tracer.prefix, env: ONE_FILE_THREAD });
  const { code, errors } = await client.ended;
  const end = readJournal(options.journal)[0]?.end ?? `nothing ${errors}`;
  if (!tracer.fired()) {
    await finished(client, options, source);
    return null;
  }
  const isTold = code === 1 && /^STORE_/.test(end);
  must(isTold || (code === 0 && end === 'done'), `the client ended with ${code ?? 'no status'}, ${end}`);
  await settle(site, options, source);
  return isTold ? 'told' : 'whole';
}

/** Fails the first, second, third … call of a kind until a run has no more of them. */
async function failing(site: Site, scale: Scale, broken: Breakage | null): Promise<readonly string[]> {
  const source = await makeSource(site, BLOCKS);
  const url = await serve(site, source);
  const figures: string[] = [];
  const calls: readonly Call[] = scale.isSlice ? ['fdatasync', 'log write'] : CALLS;
  for (const call of calls) {
    const count: Count = { broken: 0, told: 0, whole: 0, inRecovery: 0 };
    for (let when = 1; when <= MAX_CALLS; when += scale.pick(1, 10)) {
      const name = `${call}-${when}`.replace(' ', '-');
      const options = { ...clientOptions(site, url, name), broken };
      const tracer = new Tracer(site.path(`${name}.trace`), options.location, call, when, 'error=EIO');
      const outcome = await failOnce(site, source, options, tracer);
      if (outcome === null) break;
      count.broken += 1;
      count[outcome] += 1;
    }
    must(count.told > 0, `no failing ${call} was told`);
    figures.push(`${call}: ${count.broken} failed, ${count.told} told as STORE_*, ${count.whole} harmless`);
  }
  return figures;
}

export const failingCalls: Row = {
  name: 'failing-calls',
  group: 'crash',
  fault:
    'the n-th fdatasync, fsync, rename, or write of a syncing client fails (EIO), for each n until there are no more',
  bar: 'it ends with an error of the store and exit status 1, or the call did not matter; no acknowledged block is lost; started again, it ends the sync',
  needs: ['Linux', 'strace'],
  inSlice: true,
  limitSeconds: 400,
  run: (site, scale) => failing(site, scale, null),
  control: {
    broken: 'a store that takes a failed write for a good one',
    needs: [],
    run: (site, scale) => failing(site, { ...scale, pick: () => 8 }, 'deaf'),
  },
};

async function killOnce(
  site: Site,
  { source, options, call, when }: KillPoint,
  count: Count,
): Promise<boolean> {
  const trace = site.path('kill.trace');
  const at: AtCall = 'signal=SIGKILL';
  const tracer = new Tracer(trace, options.location, call, when, at);
  const client = startClient(site, options, { prefix: tracer.prefix, env: ONE_FILE_THREAD });
  await client.ended;
  if (!tracer.fired()) {
    await finished(client, options, source);
    return false;
  }
  count.broken += 1;
  // Once more while it recovers from that.
  const again = new Tracer(trace, options.location, 'fsync', 1 + (when % 4), at);
  await startClient(site, options, { prefix: again.prefix, env: ONE_FILE_THREAD }).ended;
  const last = readJournal(options.journal)[1];
  if (again.fired() && last !== undefined && last.opened === null) count.inRecovery += 1;
  await settle(site, options, source);
  return true;
}

interface KillPoint {
  readonly source: Source;
  readonly options: ClientOptions;
  readonly call: Call;
  readonly when: number;
}

export const killPoints: Row = {
  name: 'kill-points',
  group: 'crash',
  fault:
    'a syncing client is killed at its n-th fdatasync, fsync, rename or write, for each n until there are no more, and once more while it opens the store again',
  bar: 'no acknowledged block is lost, the store is whole and has the state of a clean replay; at least one kill was in a recovery; started again, it ends the sync',
  needs: ['Linux', 'strace'],
  inSlice: true,
  limitSeconds: 400,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, BLOCKS);
    const url = await serve(site, source);
    const count: Count = { broken: 0, told: 0, whole: 0, inRecovery: 0 };
    const calls: readonly Call[] = scale.isSlice ? ['fdatasync', 'rename'] : CALLS;
    for (const call of calls)
      for (let when = 1; when <= MAX_CALLS; when += scale.pick(2, 9)) {
        const options = clientOptions(site, url, `${call}-${when}`.replace(' ', '-'));
        if (!(await killOnce(site, { source, options, call, when }, count))) break;
      }
    must(count.broken > 0, 'no kill happened');
    must(count.inRecovery > 0, 'no kill was in a recovery');
    return [
      `${count.broken} kill points, then ${count.inRecovery} kills in the recovery: 0 acknowledged blocks lost`,
    ];
  },
};
