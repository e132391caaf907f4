import type { BlockRef, Frame, StateEntry, Storage } from '../../src/contracts/index.js';
import { entriesOf, plain } from '../../src/testing/compliance/storage-kit.js';
import { FIXTURE_IDENTITY, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';

/** Contents that are told from those of all other generations by every block and value. */
export interface Contents {
  readonly frames: readonly Frame[];
  readonly entries: readonly StateEntry[];
  readonly head: BlockRef;
}

/** The contents of a generation: `count` blocks, of which the odd generations have one less. */
export function stagedContents(generation: number, count: number): Contents {
  const frames = fixtureFrames(count - (generation % 2), { branch: `${generation}` }).map((frame) => ({
    ...frame,
    bytes: Buffer.alloc(100_000, `${generation} ${frame.header.height}`),
  }));
  const entries = Array.from({ length: 20 }, (_, at) => ({
    key: `k${generation + at}`,
    value: Buffer.from(`${generation}`),
  }));
  return { frames, entries, head: refOf(frames.at(-1) as Frame) };
}

/** What `everything` gives of a store with these contents. */
export function seenOf({ frames, entries, head }: Contents): object {
  return {
    checkpoint: { base: 0, head, confirmed: head, finalized: head, assumed: head },
    identity: FIXTURE_IDENTITY,
    frames: frames.map(plain),
    accounts: entries
      .map(({ key, value }) => [key, Buffer.from(value).toString()])
      .sort(([a = ''], [b = '']) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    contracts: [],
    produced: [],
  };
}

/** The generation whose contents a store holds, judged by one value. */
export async function generationOf(store: Storage): Promise<number> {
  const [entry] = await entriesOf(store);
  return Number(entry?.[1]);
}
