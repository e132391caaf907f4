import test from 'ava';
import { type LieKind, LIES, mayWin, needsTiles } from './kinds.js';
import { type Outcome, runSchedule } from './schedule.js';
import type { Place, Terms } from './terms.js';

/** So many schedules at most until a lie was told, or a world of a kind was drawn. */
const MOST = 8;

// Time is virtual for the whole process while a schedule runs: one after the other.
for (const kind of LIES)
  test.serial(`in schedules a liar really does lie: ${kind}`, async (t) => {
    const outcome = await first(({ liars }) => liars.some(({ told }) => told > 0), [kind], facing(kind));
    t.deepEqual(outcome?.failures, []);
  });

for (const place of ['first', 'last', 'alone'] as const)
  test.serial(`in schedules the liar stands ${place}`, async (t) => {
    const outcome = await first(({ liars }) => liars.some(({ told }) => told > 0), LIES, { place });
    t.deepEqual(outcome?.failures, []);
    t.true(outcome !== null && standsAt(outcome.terms, place));
  });

test.serial('in schedules a client ends on the valid branch of a liar, and a pin forbids it', async (t) => {
  const terms = { ...facing('longer-fork'), truncates: false };
  const open = await first(({ ending }) => ending === 'liar', ['longer-fork'], terms);
  t.deepEqual(open?.failures, []);
  const pinned = await first(({ liars }) => liars.some(({ told }) => told > 0), ['longer-fork'], {
    ...terms,
    pin: 8,
    below: true,
  });
  t.deepEqual(pinned?.failures, []);
  t.not(pinned?.ending, 'liar');
});

test.serial('in schedules a client leaves a peer whose blocks are not those of its status', async (t) => {
  const terms = { ...facing('split'), lies: ['split', null] as const, agree: 1, producers: false };
  const outcome = await runSchedule(1, { lies: ['split'], fixed: { ...terms, truncates: true } });
  t.deepEqual(outcome.failures, []);
  t.true(outcome.truncated);
  t.is(outcome.ending, 'source');
});

test.serial('in schedules a source ends shorter, and the client keeps what it has and says so', async (t) => {
  const terms = { lies: [null], anchor: 0, truncates: true };
  const outcome = await first(({ truncated }) => truncated, [], terms);
  t.deepEqual(outcome?.failures, []);
});

/** The first of some schedules that is as it is wanted; none of those before may fail. */
async function first(
  isWanted: (outcome: Outcome) => boolean,
  lies: readonly LieKind[],
  fixed: Partial<Terms>,
): Promise<Outcome | null> {
  for (let seed = 1; seed <= MOST; seed++) {
    const outcome = await runSchedule(seed, { lies, fixed });
    if (isWanted(outcome) || outcome.failures.length > 0) return outcome;
  }
  return null;
}

function facing(kind: LieKind): Partial<Terms> {
  const tiled = needsTiles(kind);
  return { place: 'first', lies: [kind, null, null], anchor: 1, pin: null, together: mayWin(kind), tiled };
}

function standsAt({ lies }: Terms, place: Place): boolean {
  if (place === 'alone') return lies.length === 1 && lies[0] !== null;
  return lies.length > 1 && lies.at(place === 'first' ? 0 : -1) !== null;
}
