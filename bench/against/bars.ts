import { megabytes, milliseconds } from '../units.js';
import type { Interval } from './statistics.js';

/** What a figure has to come to: its ratio to the other version's, or itself. */
export interface Bar {
  readonly of: 'ratio' | 'value';
  readonly bound: 'least' | 'most';
  /** Milliseconds or bytes where it is of the value. */
  readonly at: number;
}

/** Kinds of blocks that have bars of their own. */
export type Kind = 'small' | 'large' | 'ethereum';

/** The kind of a workload's blocks. */
export function kindOf(workload: string): Kind {
  if (workload === 'ethereum') return 'ethereum';
  return workload.startsWith('sealed') ? 'small' : 'large';
}

const least = (at: number): Bar => ({ of: 'ratio', bound: 'least', at });
const most = (at: number): Bar => ({ of: 'ratio', bound: 'most', at });
const valueMost = (at: number): Bar => ({ of: 'value', bound: 'most', at });

type Bars = Readonly<Record<string, Bar>>;

const COMMON: Bars = {
  'tiles loop': valueMost(15),
  'tiles-2 loop': valueMost(10),
  'tiles rss': valueMost(140e6),
  'tiles-2 rss': valueMost(200e6),
  'run speed': least(1.5),
  'events speed': least(1),
  'import time': most(1.6),
  'import made': most(1.6),
  'append p99': most(1.2),
  'get p50': most(2),
};

const BARS: Readonly<Record<Kind, Bars>> = {
  small: {
    ...COMMON,
    'tiles speed': least(2),
    'tiles-2 speed': least(3),
    'tiles client-cpu': most(0.6),
    'tiles server-cpu': most(0.1),
    'tiles wire': most(1.02),
    'tiles-2 wire': most(1.02),
    'tiles disk': most(0.33),
    'tiles-2 disk': most(0.33),
    'import disk': most(0.33),
  },
  large: {
    ...COMMON,
    'tiles speed': least(1.15),
    'tiles-2 speed': least(1.5),
    'tiles wire': most(0.78),
    'tiles-2 wire': most(0.78),
    'tiles disk': most(1),
    'tiles-2 disk': most(1),
    'import disk': most(1),
  },
  ethereum: {
    ...COMMON,
    'tiles speed': least(1.8),
    'tiles-2 speed': least(1.8),
    'tiles disk': most(0.25),
    'tiles-2 disk': most(0.25),
    'import disk': most(0.25),
  },
};

/** The bar of a figure; `null` when it has none. @param name - the way and the figure: `tiles speed` */
export function barOf(kind: Kind, name: string): Bar | null {
  return BARS[kind][name] ?? null;
}

/** The names of all figures that have a bar. */
export function barredFigures(kind: Kind): readonly string[] {
  return Object.keys(BARS[kind]);
}

/** Whether an interval reaches a bar. */
export function reaches({ low, high }: Interval, { bound, at }: Bar): boolean {
  return bound === 'least' ? high >= at : low <= at;
}

/** `≥ 2×`, `≤ 15 ms`, `≤ 140 MB` */
export function titleOfBar({ of, bound, at }: Bar): string {
  const sign = bound === 'least' ? '≥' : '≤';
  if (of === 'ratio') return `${sign} ${at}×`;
  return `${sign} ${at < 1e6 ? milliseconds(at) : megabytes(at)}`;
}
