import test, { type ExecutionContext } from 'ava';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import type {
  AbortOptions,
  BlockRange,
  Frame,
  StoragePlugin,
  TransportDeps,
  TransportPlugin,
  WireItem,
} from '../../src/contracts/index.js';
import type { SyncEngineConfig } from '../../src/index.js';
import { PLUGIN_API_VERSION } from '../../src/index.js';
import { FAULTS, type FaultKind } from './faults.js';
import { LIES } from './kinds.js';
import { type Outcome, runSchedule, type ScheduleOptions } from './schedule.js';

const SCHEDULES = 150;
/** `BLOCKFERRY_SIM_SEED` runs the schedules of an earlier run again. */
const SEED = Number(process.env['BLOCKFERRY_SIM_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** What no engine is to be broken by; a broken one shows already where not much happens. */
const CALM: readonly FaultKind[] = ['append', 'rollback', 'cut'];

const mended: ScheduleOptions = {
  faults: FAULTS,
  lies: LIES,
};

// Time is virtual for the whole process while a schedule runs: one after the other.
test.serial('an engine that follows ends equal to its source, whatever happens on the way', async (t) => {
  t.log(`seed ${SEED}; BLOCKFERRY_SIM_SEED=${SEED} runs the same schedules again`);
  let [minutes, faults, blocks] = [0, 0, 0];
  for (let seed = SEED; seed < SEED + SCHEDULES; seed++) {
    const outcome = await runSchedule(seed, mended);
    t.deepEqual(outcome.failures, [], `seed ${seed}`);
    minutes += outcome.virtualMs / 60_000;
    faults += outcome.faults;
    blocks += outcome.blocks;
  }
  t.log(`${SCHEDULES} schedules, ${minutes.toFixed(0)} virtual minutes, ${faults} faults, ${blocks} blocks`);
  t.true(minutes > SCHEDULES);
  t.true(faults > 10 * SCHEDULES);
});

test.serial('one seed always makes the same world', async (t) => {
  const traces: string[][] = [[], []];
  for (const trace of traces) await runSchedule(7, { ...mended, trace: (line) => trace.push(line) });
  const [first = [], second = []] = traces;
  t.true(first.length > 100);
  t.deepEqual(first, second);
});

test.serial('a store that loses a block is noticed', async (t) => {
  const broken = brokenStore((frames) => frames.filter(({ header }) => header.height !== 5));
  await assertNoticed(t, broken, /the store has \d+ blocks, not \d+/);
});

test.serial('a store that alters a byte is noticed', async (t) => {
  const broken = brokenStore((frames) =>
    frames.map((frame) => (frame.header.height === 5 ? { ...frame, bytes: altered(frame.bytes) } : frame)),
  );
  await assertNoticed(t, broken, /block 5 is not that of the source/);
});

test.serial('a client that does not hear of rollbacks is noticed', async (t) => {
  const deaf = withStream((items) => items.filter(({ kind }) => kind !== 'rollback'));
  await assertNoticed(t, deaf, /the engine failed: (PARENT|HEIGHT)_MISMATCH/);
});

test.serial('a client that never hears of the head is noticed', async (t) => {
  const deaf = withStream((items) => items.filter(({ kind }) => kind !== 'complete'));
  await assertNoticed(t, deaf, /after 30 minutes without faults it is syncing/);
});

test.serial('a reader that is not told of rollbacks is noticed', async (t) => {
  await assertNoticed(t, {}, /block \d+ was told after block \d+/, (event) => event.type !== 'rollback');
});

test.serial('a timer that stays behind is noticed', async (t) => {
  const untidy = withStream((items) => {
    setTimeout(() => undefined, 3_600_000);
    return items;
  });
  await assertNoticed(t, untidy, /timers stay behind/);
});

/** Of a few calm schedules at least one has to show the defect, and none may show anything without it. */
async function assertNoticed(
  t: ExecutionContext,
  change: Partial<SyncEngineConfig>,
  expected: RegExp,
  hears: NonNullable<ScheduleOptions['hears']> = () => true,
): Promise<void> {
  const calm: ScheduleOptions = { faults: CALM, lies: [] };
  const found: Outcome[] = [];
  for (let seed = 1; seed <= 4; seed++) {
    t.deepEqual((await runSchedule(seed, calm)).failures, []);
    const alter = (config: SyncEngineConfig): SyncEngineConfig => ({ ...config, ...change });
    found.push(await runSchedule(seed, { ...calm, alter, hears }));
  }
  const failures = found.flatMap((outcome) => outcome.failures);
  t.true(
    failures.some((failure) => expected.test(failure)),
    failures.join('\n'),
  );
}

type Change<T> = (items: readonly T[]) => readonly T[];

function brokenStore(change: Change<Frame>): { readonly storage: StoragePlugin } {
  class BrokenStorage extends MemoryStorage {
    override async *read(range: BlockRange, options?: AbortOptions): AsyncGenerator<readonly Frame[]> {
      for await (const frames of super.read(range, options)) yield change(frames);
    }
  }
  const plugin = { kind: 'storage', name: 'broken', apiVersion: PLUGIN_API_VERSION } as const;
  return { storage: { ...plugin, create: () => new BrokenStorage() } };
}

/** A client with the stream only, of which it hears what is left. */
function withStream(change: Change<WireItem>): { readonly plugins: readonly TransportPlugin[] } {
  const sse = sseTransport();
  const create = (deps: TransportDeps): ReturnType<TransportPlugin['create']> => {
    const transport = sse.create(deps);
    return {
      ...transport,
      async *open(request, options) {
        for await (const items of transport.open(request, options)) yield change(items);
      },
    };
  };
  return { plugins: [{ ...sse, create }] };
}

function altered(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 3] = (copy[copy.length - 3] ?? 0) ^ 1;
  return copy;
}
