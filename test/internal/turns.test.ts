import test from 'ava';
import { blocksOf } from '../../plugins/transport-json-range/server/documents.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import * as codecs from '../../src/di/codecs.js';
import { FrameTurns, nextTurn, placeInTurn } from '../../src/internal/turns.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';

/** Sees what happens in each turn of the event loop until some work is done. @returns what each turn had */
async function turnsOf(work: (seen: (what: number) => void) => Promise<unknown>): Promise<number[][]> {
  const turns: number[][] = [[]];
  const mark = (): void => {
    turns.push([]);
    marking = setImmediate(mark);
  };
  let marking = setImmediate(mark);
  await work((what) => turns.at(-1)?.push(what));
  clearImmediate(marking);
  return turns;
}

test('those that wait for their turn go one by one, each in a turn of its own, the first of them first', async (t) => {
  const order: number[] = [];
  const turns = await turnsOf((seen) =>
    Promise.all(
      [0, 1, 2].map(async (task) => {
        for (let step = 0; step < 4; step++) {
          await nextTurn();
          order.push(task);
          seen(task);
        }
      }),
    ),
  );
  t.deepEqual(order, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
  t.is(Math.max(...turns.map((turn) => turn.length)), 1);
});

test('of a thousand that begin at once, 32 begin in that turn, and one in each later turn', async (t) => {
  const turns = await turnsOf((seen) =>
    Promise.all(
      Array.from({ length: 1_000 }, async (_each, at) => {
        const turn = placeInTurn();
        if (turn !== null) await turn;
        seen(at);
      }),
    ),
  );
  const [first = [], ...later] = turns.filter((turn) => turn.length > 0);
  t.is(first.length, 32);
  t.deepEqual(
    [...first, ...later.flat()],
    Array.from({ length: 1_000 }, (_each, at) => at),
  );
  t.is(Math.max(...later.map((turn) => turn.length)), 1);
});

for (const codec of ['gzip', 'identity'])
  test(`answers of ranges that are made at once share no turn of the event loop: ${codec}`, async (t) => {
    const source = new MemorySource(sealedChain(600), { codec: 'gzip', batch: 60 });
    const last = source.tip().head;
    if (last === null) throw new Error('The source is empty.');
    const range = {
      from: 0,
      last: { ...last, previousHash: '', timestamp: null },
      parentHash: null,
      final: false,
      headHeight: null,
    };
    const deps = {
      source,
      codecs: codecRegistry([codecs.gzip(), codecs.identity()]),
      limits: DEFAULT_SERVER_LIMITS,
    };
    let blocks = 0;
    const turns = await turnsOf((seen) =>
      Promise.all(
        Array.from({ length: 8 }, async (_, answer) => {
          for await (const bytes of blocksOf(deps, range, codec, new AbortController().signal)) {
            blocks += bytes.length > 0 ? 1 : 0;
            seen(answer);
          }
        }),
      ),
    );
    t.is(blocks, 8 * 600);
    t.is(Math.max(...turns.map((turn) => new Set(turn).size)), 1);
  });

test('a frame counts by its bytes and by itself where it is encoded anew, and a little where it is held', (t) => {
  const framesUntilDue = (documentBytes: number, held: string): number => {
    const turns = new FrameTurns('gzip');
    let frames = 0;
    for (; !turns.isDue; frames++) turns.count({ codec: held, documentBytes });
    return frames;
  };
  t.is(framesUntilDue(10_000_000, 'identity'), 1);
  t.true(framesUntilDue(0, 'identity') < 200);
  t.is(framesUntilDue(0, 'gzip'), framesUntilDue(10_000_000, 'gzip'));
  t.true(framesUntilDue(0, 'gzip') > framesUntilDue(0, 'identity'));
});
