import test from 'ava';
import type { BlockRef, Checkpoint, Frame } from '../../src/contracts/index.js';
import { Backlog } from '../../src/engine/agreement/backlog.js';

const MIB = 1024 * 1024;
/** Never touched, so that it takes no memory; all frames share it. */
const bytes = new Uint8Array(64 * MIB);

const refAt = (height: number): BlockRef => ({ height, hash: String(height) });

function frameAt(height: number, size: number): Frame {
  const header = { ...refAt(height), previousHash: String(height - 1), timestamp: null };
  return { header, codec: 'identity', bytes: bytes.subarray(0, size), documentBytes: size };
}

/** A chain with a head and a confirmed block. */
function chainAt(head: number, confirmed: number | null) {
  let checkpoint: Checkpoint;
  const at = (newHead: number, newConfirmed: number | null): void => {
    checkpoint = {
      head: refAt(newHead),
      confirmed: newConfirmed === null ? null : refAt(newConfirmed),
      base: 0,
      finalized: null,
      assumed: null,
    };
  };
  at(head, confirmed);
  return { tip: () => checkpoint, at };
}

test('256 MiB are taken above the confirmed block, and more once some of them are confirmed or rolled back', (t) => {
  const chain = chainAt(0, 0);
  const backlog = new Backlog(chain);
  for (const height of [1, 2, 3, 4]) {
    t.false(backlog.isFullFor(100), `before block ${height}`);
    chain.at(height, 0);
    backlog.add([frameAt(height, 64 * MIB)]);
  }
  t.true(backlog.isFullFor(100));
  chain.at(4, 1);
  t.false(backlog.isFullFor(100));
  chain.at(5, 1);
  backlog.add([frameAt(5, 64 * MIB)]);
  t.true(backlog.isFullFor(100));
  chain.at(3, 1);
  t.false(backlog.isFullFor(100));
});

test('4,096 blocks are taken above the confirmed block, the next batch among them', (t) => {
  const chain = chainAt(3_996, 0);
  const backlog = new Backlog(chain);
  t.false(backlog.isFullFor(100));
  chain.at(3_997, 0);
  t.true(backlog.isFullFor(100));
  chain.at(3_997, 1);
  t.false(backlog.isFullFor(100));
});

test('where nothing is confirmed, blocks count from the first one of the store', (t) => {
  const chain = chainAt(3_995, null);
  const backlog = new Backlog(chain);
  t.false(backlog.isFullFor(100));
  chain.at(3_996, null);
  t.true(backlog.isFullFor(100));
});

test('raw blocks are counted without their bytes, which those of a tile would be decoded for', (t) => {
  const chain = chainAt(4, 0);
  const backlog = new Backlog(chain);
  const unread = [1, 2, 3, 4].map((height): Frame => {
    const frame = frameAt(height, 64 * MIB);
    return Object.defineProperty({ ...frame }, 'bytes', { get: () => t.fail(`block ${height} was read`) });
  });
  backlog.add(unread);
  t.true(backlog.isFullFor(100));
  chain.at(4, 1);
  t.true(backlog.isFullFor(100), 'a batch counts until all of it is confirmed');
  chain.at(4, 4);
  t.false(backlog.isFullFor(100));
});
