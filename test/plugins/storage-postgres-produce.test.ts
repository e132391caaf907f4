import { openChain, type ProducedBlock } from '../../src/index.js';
import { postgresTest } from '../helpers/postgres-test.js';

const postgres = postgresTest();

postgres.test('calls at once are stored once each, and a key is known to the next writer', async (t) => {
  const storage = {
    use: 'postgres',
    url: postgres.server().url,
    store: 'produce',
    durability: 'primary',
  } as const;
  const first = await openChain({ storage });
  const ask = (at: number): Promise<ProducedBlock> =>
    first.produce(`{"at":${at},"value":1.0}`, { idempotencyKey: `key ${at}` });
  const blocks = await Promise.all(Array.from({ length: 200 }, (_, at) => ask(at)));
  t.deepEqual(
    blocks.map(({ height }) => height),
    blocks.map((_, at) => at),
  );
  await first.rollback(blocks[198] ?? null);
  await first.close();
  const second = await openChain({ storage });
  t.teardown(() => second.close());
  const again = await second.produce('{"at":198,"value":1.0}', { idempotencyKey: 'key 198' });
  t.deepEqual(again, { ...(blocks[198] ?? again), isRepeat: true });
  const anew = await second.produce('{"at":199,"value":1.0}', { idempotencyKey: 'key 199' });
  t.false(anew.isRepeat);
  t.true((await second.get(199))?.text().endsWith(',"at":199,"value":1.0}'));
  await t.throwsAsync(second.produce({ other: 1 }, { idempotencyKey: 'key 7' }), { code: 'KEY_REUSED' });
});
