import { cpuMsSince } from './process.js';

/** What one run took. */
export interface Took {
  readonly elapsedMs: number;
  /** Processor time of this project's processes. */
  readonly cpuMs: number;
  /** Processor time of the database meanwhile. */
  readonly serverMs: number;
}

/** The same work in both stores, in turns. */
export interface Contest {
  readonly title: string;
  /** The part of LevelDB's speed that it has to reach. */
  readonly bar: number;
  readonly rounds: readonly { readonly postgres: Took; readonly level: Took }[];
}

export type Side = 'postgres' | 'level';
export const SIDES: readonly Side[] = ['postgres', 'level'];

/** How often all is done, and what says how much of the machine the database takes. */
export interface Rounds {
  readonly rounds: number;
  readonly server: { cpuMs(): number };
}

/** Does the same work in both stores, one after the other, in each round. The first round warms up. */
export async function contest(
  { server, rounds }: Rounds,
  { title, bar }: Pick<Contest, 'title' | 'bar'>,
  run: (side: Side) => Promise<Omit<Took, 'serverMs'>>,
): Promise<Contest> {
  const found: { postgres: Took; level: Took }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = server.cpuMs();
    const own = await run('postgres');
    const postgres = { ...own, serverMs: server.cpuMs() - before };
    const level = { ...(await run('level')), serverMs: 0 };
    if (round > 0) found.push({ postgres, level });
  }
  return told({ title, bar, rounds: found });
}

/** Steps that are done in both stores. */
export interface Steps {
  readonly count: number;
  readonly take: (side: Side, index: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Does the same steps in both stores, one here and one there: what else runs on the machine then counts for both. */
export async function inSteps(
  { server, rounds }: Rounds,
  { title, bar }: Pick<Contest, 'title' | 'bar'>,
  steps: () => Promise<Steps>,
): Promise<Contest> {
  const found: { postgres: Took; level: Took }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { count, take, close } = await steps();
    const took = { postgres: { elapsedMs: 0, cpuMs: 0 }, level: { elapsedMs: 0, cpuMs: 0 } };
    const before = server.cpuMs();
    for (let index = 0; index < count; index++)
      for (const side of SIDES) {
        const cpu = process.cpuUsage();
        const began = performance.now();
        await take(side, index);
        took[side].elapsedMs += performance.now() - began;
        took[side].cpuMs += cpuMsSince(cpu);
      }
    const serverMs = server.cpuMs() - before;
    await close();
    if (round > 0)
      found.push({ postgres: { ...took.postgres, serverMs }, level: { ...took.level, serverMs: 0 } });
  }
  return told({ title, bar, rounds: found });
}

function told(contest: Contest): Contest {
  const ratios = contest.rounds.map(({ postgres, level }) => level.elapsedMs / postgres.elapsedMs);
  console.log(`${contest.title}: ${ratios.map((each) => each.toFixed(2)).join(' ')}`);
  return contest;
}
