import test from 'ava';
import type { PeerStatus } from '../../src/contracts/index.js';
import { type ModeAbilities, ModeChooser } from '../../src/engine/modes.js';
import { SyncError } from '../../src/errors/index.js';

const peer = { url: 'http://a.example/sync', headers: {} };
const other = { url: 'http://b.example/sync', headers: {} };

const abilities: ModeAbilities = {
  mode: 'auto',
  transports: ['stream', 'json'],
  snapshots: true,
  minSnapshotBlocks: 1_000,
};

function status(blocks: number, codecs: Partial<PeerStatus['codecs']> = {}): PeerStatus {
  return {
    protocol: 1,
    chain: 'sealed-json',
    chainId: 'main',
    base: 0,
    head: { height: blocks - 1, hash: 'aa' },
    finalized: null,
    codecs: { stream: ['gzip'], json: ['gzip'], snapshot: ['bzip2'], ...codecs },
    storedAs: null,
    maxRange: 10_000,
    snapshots: [],
    signers: [],
  };
}

const empty = { height: null, to: null };
const cut = new SyncError('STREAM_TRUNCATED', 'cut');
const missing = new SyncError('PEER_NOT_FOUND', 'nothing there');

test('an empty node that is far behind and has somebody to trust takes a snapshot, and then the stream', (t) => {
  const chooser = new ModeChooser(abilities);
  const situation = { ...empty, status: status(5_000) };
  const chosen = chooser.choose(peer, situation);
  t.is(chosen?.mode, 'snapshot');
  t.regex(chosen?.reason ?? '', /5000 blocks ahead/);
  chooser.endSnapshot();
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
});

for (const [title, change, situation] of [
  ['nobody is trusted', { snapshots: false }, { ...empty, status: status(5_000) }],
  ['the distance is short', {}, { ...empty, status: status(999) }],
  ['the store holds blocks', {}, { height: 10, to: null, status: status(5_000) }],
  ['only a part is wanted', {}, { height: null, to: 100, status: status(5_000) }],
  ['the peer serves none', {}, { ...empty, status: status(5_000, { snapshot: [] }) }],
  ['the peer says nothing of itself', {}, { ...empty, status: null }],
] as const) {
  test(`no snapshot is taken by itself when ${title}`, (t) => {
    t.is(new ModeChooser({ ...abilities, ...change }).choose(peer, situation)?.mode, 'stream');
  });
}

test('a configured mode is taken whatever the distance is', (t) => {
  for (const mode of ['snapshot', 'json', 'stream'] as const) {
    const chosen = new ModeChooser({ ...abilities, mode }).choose(peer, { ...empty, status: status(3) });
    t.is(chosen?.mode, mode);
    t.regex(chosen?.reason ?? '', /is configured/);
  }
});

test('stream and ranges take turns when they fail, and a block that came clears the record', (t) => {
  const chooser = new ModeChooser({ ...abilities, snapshots: false });
  const situation = { ...empty, status: status(5_000) };
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.true(chooser.failed(peer, 'stream', cut, false));
  t.is(chooser.choose(peer, situation)?.mode, 'json');
  t.false(
    chooser.failed(peer, 'json', cut, false),
    'after both have failed it is another peer that is asked',
  );
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.false(chooser.failed(peer, 'stream', cut, false));
  chooser.succeeded();
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.true(chooser.failed(peer, 'stream', cut, false));
});

test('a way that brought blocks and was cut goes on; one that fell silent gives way to the other', (t) => {
  const chooser = new ModeChooser({ ...abilities, snapshots: false });
  const situation = { ...empty, status: status(5_000) };
  t.true(chooser.failed(peer, 'stream', cut, true));
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.true(chooser.failed(peer, 'stream', new SyncError('STREAM_IDLE', 'silent'), true));
  t.is(chooser.choose(peer, situation)?.mode, 'json');
});

test('a way that a peer does not have is not tried again with that peer, and the last one gone gives it up', (t) => {
  const chooser = new ModeChooser({ ...abilities, snapshots: false });
  const situation = { ...empty, status: null };
  t.true(chooser.failed(peer, 'stream', missing, false));
  t.is(chooser.choose(peer, situation)?.mode, 'json');
  t.false(chooser.failed(peer, 'json', missing, false));
  t.is(chooser.choose(peer, situation), null);
  t.not(chooser.choose(other, situation), null);
});

test('a peer that lied has no other way', (t) => {
  const chooser = new ModeChooser({ ...abilities, snapshots: false });
  t.false(chooser.failed(peer, 'stream', new SyncError('HASH_MISMATCH', 'a lie'), false));
});

test('a peer that lists ranges only is asked for ranges', (t) => {
  const chooser = new ModeChooser({ ...abilities, snapshots: false });
  t.is(chooser.choose(peer, { ...empty, status: status(50, { stream: [] }) })?.mode, 'json');
});

test('with a configured mode there is no turning to another one', (t) => {
  const chooser = new ModeChooser({ ...abilities, mode: 'stream' });
  const situation = { ...empty, status: null };
  t.false(chooser.failed(peer, 'stream', cut, false));
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.false(chooser.failed(peer, 'stream', missing, false));
  t.is(chooser.choose(peer, situation), null);
});
