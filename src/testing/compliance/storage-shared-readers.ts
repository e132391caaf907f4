import assert from 'node:assert/strict';
import type { BlockRef, ChainChange, Frame, Storage } from '../../contracts/index.js';
import { account, FIXTURE_IDENTITY, fixtureBatch, fixtureFrames, refOf } from '../fixture-frames.js';
import type { ComplianceCase } from './case.js';
import {
  entriesOf,
  eventually,
  everything,
  plain,
  readAll,
  rejects,
  type SharedStores,
  type StorageFixture,
} from './storage-kit.js';
import { withShared } from './storage-shared-writers.js';

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const at = (frames: readonly Frame[], index: number): BlockRef => refOf(frames[index] as Frame);

/** What others see of the one that writes. */
export function sharedReaderCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  return [...toldCases(fixture, shared), ...keptCases(fixture, shared)];
}

function toldCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-113',
      title: 'A reader is told of each commit and rollback of another process, in order, as it shows',
      run: () =>
        withReader(fixture, shared, async (writer, reader) => {
          const told = followed(reader);
          let head: BlockRef | null = null;
          for (let round = 0; round < 12; round++) {
            head = await grown(writer, head, `${round}`);
            if (round % 3 === 2) head = await backBy(writer, 4);
          }
          await shows(reader, writer.checkpoint().head);
          // More than one page at a time, and a branch in place of another in one batch.
          const bottom = at(await readAll(writer, { from: 0, to: 0 }), 0);
          const large = fixtureFrames(20, { on: bottom, branch: 'large', bytes: 200_000 });
          await writer.commit({ ...fixtureBatch(large), rollbackTo: bottom });
          await shows(reader, at(large, 19));
          assert.deepEqual(told.wrong, []);
          assert.deepEqual(told.refs, (await readAll(writer, ALL)).map(refOf));
          assert.deepEqual(await everything(reader), await everything(writer));
          told.stop();
        }),
    },
    {
      id: 'ST-114',
      title: 'A reader sees other contents as a whole once they are activated, and goes on from there',
      run: () =>
        withReader(fixture, shared, async (writer, reader) => {
          const told = followed(reader);
          await writer.commit(fixtureBatch(fixtureFrames(5)));
          await shows(reader, at(fixtureFrames(5), 4));
          const other = fixtureFrames(4, { branch: 'other' });
          const stage = await writer.stage();
          await stage.putBlocks(other);
          await stage.putState('accounts', [{ key: 'a', value: Buffer.from('1') }]);
          await stage.activate({ identity: FIXTURE_IDENTITY, head: at(other, 3) });
          await shows(reader, at(other, 3));
          assert.deepEqual(await everything(reader), await everything(writer));
          told.refs.splice(0, told.refs.length, ...other.map(refOf));
          const more = fixtureFrames(2, { on: at(other, 3) });
          await writer.commit(fixtureBatch(more));
          await shows(reader, at(more, 1));
          assert.deepEqual(told.wrong, []);
          assert.deepEqual(told.refs, [...other, ...more].map(refOf));
        }),
    },
  ];
}

function keptCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  return [
    {
      id: 'ST-115',
      title:
        'A view of a reader, and a read that is under way, stay what they were across rollback and activation',
      run: () =>
        withReader(fixture, shared, async (writer, reader) => {
          const frames = fixtureFrames(6, { bytes: 400_000 });
          await writer.commit(fixtureBatch(frames, [[account('a', '1')]]));
          await shows(reader, at(frames, 5));
          const view = await reader.view();
          const read = reader.read(ALL)[Symbol.asyncIterator]();
          const first = await read.next();
          await writer.rollback(at(frames, 1));
          await writer.commit(
            fixtureBatch(fixtureFrames(1, { on: at(frames, 1), branch: 'b' }), [[account('a', '2')]]),
          );
          const other = fixtureFrames(3, { branch: 'other' });
          const stage = await writer.stage();
          await stage.putBlocks(other);
          await stage.activate({ identity: FIXTURE_IDENTITY, head: at(other, 2) });
          await shows(reader, at(other, 2));
          const rest = [...((first.value ?? []) as readonly Frame[])];
          for (let next = await read.next(); next.done !== true; next = await read.next())
            rest.push(...next.value);
          assert.deepEqual(rest.map(plain), frames.map(plain));
          assert.deepEqual((await readAll(view, ALL)).map(plain), frames.map(plain));
          assert.deepEqual(await entriesOf(view), [['a', '1']]);
          await view.close();
          assert.deepEqual((await readAll(reader, ALL)).map(plain), other.map(plain));
        }),
    },
    {
      id: 'ST-116',
      title: 'Every write to a reader that may only read is STORE_READ_ONLY and changes nothing',
      run: () =>
        withReader(fixture, shared, async (writer, reader) => {
          const frames = fixtureFrames(2);
          await writer.commit(fixtureBatch(frames));
          await writer.setCursor('one', at(frames, 0));
          await shows(reader, at(frames, 1));
          const writes = [
            () => reader.commit(fixtureBatch(fixtureFrames(1, { on: at(frames, 1) }))),
            () => reader.advance({ confirmed: at(frames, 0), finalized: null }),
            () => reader.rollback(at(frames, 0)),
            () => reader.stage(),
            () => reader.setCursor('one', at(frames, 1)),
          ];
          const before = await everything(writer);
          for (const write of writes) await rejects(write, 'STORE_READ_ONLY');
          assert.deepEqual(await everything(writer), before);
          await eventually(async () => (await reader.cursor('one'))?.height === 0);
        }),
    },
  ];
}

async function grown(writer: Storage, on: BlockRef | null, branch: string): Promise<BlockRef> {
  const added = fixtureFrames(3, { on, branch });
  await writer.commit(fixtureBatch(added, [[account('a', branch)]]));
  return at(added, 2);
}

async function backBy(writer: Storage, blocks: number): Promise<BlockRef | null> {
  const header = await writer.header((writer.checkpoint().head?.height ?? 0) - blocks);
  const to = header === null ? null : { height: header.height, hash: header.hash };
  await writer.rollback(to);
  return to;
}

async function withReader(
  fixture: StorageFixture,
  shared: SharedStores,
  step: (writer: Storage, reader: Storage) => Promise<void>,
): Promise<void> {
  await withShared(fixture, async (writer) => {
    const reader = await shared.reader(writer);
    // It may have its own copy of the data, which comes a little later.
    await eventually(() =>
      reader.open().then(
        () => true,
        () => false,
      ),
    );
    try {
      await step(writer, reader);
    } finally {
      await reader.close();
    }
  });
}

const shows = (reader: Storage, ref: BlockRef | null): Promise<void> =>
  eventually(() => reader.checkpoint().head?.hash === ref?.hash);

/** The blocks of a store as its changes say; what does not fit on those before, or does not show yet, is wrong. */
function followed(store: Storage): { readonly refs: BlockRef[]; readonly wrong: string[]; stop(): void } {
  const refs: BlockRef[] = [];
  const wrong: string[] = [];
  const add = ({ header: { height, hash, previousHash } }: Frame): void => {
    const last = refs.at(-1);
    if (last !== undefined && (last.height !== height - 1 || last.hash !== previousHash))
      wrong.push(`${height} on ${last.height}`);
    refs.push({ height, hash });
  };
  const apply = (change: ChainChange | null): void => {
    if (change === null) return;
    if (change.kind === 'rollback') {
      refs.length = refs.findIndex(({ height }) => height === change.to.height) + 1;
      if (refs.at(-1)?.hash !== change.to.hash) wrong.push(`back to ${change.to.height}`);
    } else for (const frame of change.frames) add(frame);
    if (store.checkpoint().head?.hash !== refs.at(-1)?.hash)
      wrong.push(`${refs.at(-1)?.height} does not show`);
  };
  return { refs, wrong, stop: store.watch?.(apply) ?? (() => undefined) };
}
