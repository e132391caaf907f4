import test from 'ava';
import { planRollback } from '../../src/internal/commit-rules.js';
import { isSyncError } from '../../src/errors/index.js';

const at = (height: number): { height: number; hash: string } => ({ height, hash: `hash of ${height}` });
const now = { head: at(9), base: 3, confirmed: at(8), finalized: at(5), assumed: at(4) };

test('a rollback moves the head, and the confirmed block with it, and nothing else, and leaves what it was given as it was', (t) => {
  const before = structuredClone(now);
  t.deepEqual(planRollback(at(7), at(7), now), { ...before, head: at(7), confirmed: at(7) });
  t.deepEqual(now, before);
});

test('a store that is emptied has no base any more', (t) => {
  const nothingFinal = { ...now, finalized: null };
  t.deepEqual(planRollback(null, null, nothingFinal), {
    ...nothingFinal,
    head: null,
    base: 0,
    confirmed: null,
  });
});

test('a rollback below the final block, to a block that is not held, or to another one is refused', (t) => {
  t.true(
    isSyncError(
      t.throws(() => planRollback(at(4), at(4), now)),
      'BELOW_FINALIZED',
    ),
  );
  t.true(
    isSyncError(
      t.throws(() => planRollback(null, null, now)),
      'BELOW_FINALIZED',
    ),
  );
  for (const found of [null, { height: 7, hash: 'another' }]) {
    t.true(
      isSyncError(
        t.throws(() => planRollback(at(7), found, now)),
        'STORE_GAP',
      ),
    );
  }
});
