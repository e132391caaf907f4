import type { SyncEngineConfig } from '../../src/index.js';
import {
  altered,
  brokenStore,
  forgetfulStore,
  trusting,
  withoutClaims,
  withoutHashes,
  withStream,
} from './defects.js';
import type { FaultKind } from './faults.js';
import type { LieKind } from './kinds.js';
import type { ScheduleOptions } from './schedule.js';
import type { Terms } from './terms.js';

/** A client that is broken in one way, and the schedules that have to show it. */
export interface Control {
  readonly name: string;
  /** The defect, as the end of the sentence "… is noticed". */
  readonly title: string;
  readonly options: ScheduleOptions;
  /** A failure that tells of it. */
  readonly expected: RegExp;
}

/** What no engine is to be broken by; a broken one shows already where not much happens. */
const CALM: readonly FaultKind[] = ['append', 'rollback', 'cut'];
const HONEST: ScheduleOptions = { faults: CALM, lies: [], guards: [] };

/** Each has to be noticed. */
export const CONTROLS: readonly Control[] = [
  {
    name: 'loses-block',
    title: 'a store that loses a block',
    options: changing(
      HONEST,
      brokenStore((frames) => frames.filter(({ header }) => header.height !== 5)),
    ),
    expected: /^end: the store has \d+ blocks, not \d+/,
  },
  {
    name: 'alters-byte',
    title: 'a store that alters a byte',
    options: changing(
      HONEST,
      brokenStore((frames) =>
        frames.map((frame) =>
          frame.header.height === 5 ? { ...frame, bytes: altered(frame.bytes) } : frame,
        ),
      ),
    ),
    expected: /^end: block 5 is not that of the source/,
  },
  {
    name: 'deaf-to-rollbacks',
    title: 'a client that does not hear of rollbacks',
    options: changing(
      HONEST,
      withStream((items) => items.filter(({ kind }) => kind !== 'rollback')),
    ),
    expected: /^end: the engine failed: (PARENT|HEIGHT)_MISMATCH/,
  },
  {
    name: 'deaf-to-head',
    title: 'a client that never hears of the head',
    options: changing(
      HONEST,
      withStream((items) => items.filter(({ kind }) => kind !== 'complete')),
    ),
    expected: /^end: after 30 minutes without faults it is syncing/,
  },
  {
    name: 'leaves-head',
    title: 'a client that gives up its stream again and again',
    options: changing(HONEST, { limits: { idleTimeoutMs: 5_000 } }),
    expected: /^end: it was at the head and left it/,
  },
  {
    name: 'untold-rollbacks',
    title: 'a reader that is not told of rollbacks',
    options: { ...HONEST, hears: (event) => event.type !== 'rollback' },
    expected: /^order: block \d+ was told after block \d+/,
  },
  {
    name: 'leaves-timer',
    title: 'a timer that stays behind',
    options: changing(
      HONEST,
      withStream((items) => {
        setTimeout(() => undefined, 3_600_000);
        return items;
      }),
    ),
    expected: /^tidy: \d+ timers stay behind/,
  },
  {
    name: 'takes-shorter',
    title: 'a client that takes a shorter chain',
    options: altering(lying('bare-rollback', { place: 'first' }), trusting),
    expected: /^longest: /,
  },
  {
    name: 'takes-truncation',
    title: 'a client that follows a source that has become shorter',
    options: altering({ ...HONEST, fixed: { lies: [null], anchor: 0, truncates: true } }, trusting),
    expected: /^shorter: block \d+ was the head and was given up/,
  },
  {
    name: 'skips-hashes',
    title: 'a client that does not check hashes',
    options: changing(lying('bad-hash', { place: 'first' }), { chain: withoutHashes() }),
    expected: /^(made: |end: block \d+ is not that of the source)/,
  },
  {
    name: 'ignores-pins',
    title: 'a client that ignores its pins',
    options: changing(lying('longer-fork', { place: 'first', pin: 8, below: true }), { checkpoints: [] }),
    expected: /^pins: /,
  },
  {
    name: 'ignores-claims',
    title: 'a client that does not look at what its peer claims',
    options: changing(lying('lure', { place: 'alone', lies: ['lure'], anchor: null }), withoutClaims()),
    expected: /^claims: /,
  },
  {
    name: 'forgets-at-restart',
    title: 'a store that has lost its newest block after a restart',
    options: altering({ ...HONEST, faults: ['append', 'client-restart'] }, (config) => ({
      ...config,
      ...forgetfulStore(),
    })),
    expected: /^(order|kept|end|handed): /,
  },
  {
    name: 'believes-one-peer',
    title: 'a client that hands on blocks that too few peers confirm',
    options: changing(lying('longer-fork', { place: 'first', agree: 2 }), { agree: 1 }),
    expected: /^confirmed: /,
  },
  {
    name: 'ignores-producers',
    title: 'a client that takes blocks of any author',
    options: changing(lying('longer-fork', { place: 'first', producers: true }), { producers: [] }),
    expected: /^producers: /,
  },
];

/** Three peers at most, one of them lies in a given way. */
function lying(kind: LieKind, terms: Partial<Terms>): ScheduleOptions {
  const fixed = { lies: [kind, null, null], anchor: 1, truncates: false, ...terms };
  return { faults: CALM, lies: [kind], guards: [], fixed };
}

function altering(
  options: ScheduleOptions,
  alter: (config: SyncEngineConfig) => SyncEngineConfig,
): ScheduleOptions {
  return { ...options, alter };
}

function changing(options: ScheduleOptions, change: Partial<SyncEngineConfig>): ScheduleOptions {
  return altering(options, (config) => ({ ...config, ...change }));
}
