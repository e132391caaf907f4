import test from 'ava';
import type { PeerStatus } from '../../src/contracts/index.js';
import { CLEAR } from '../../src/engine/peers/stream-line.js';
import { type ModeAbilities, ModeChooser, noWay } from '../../src/engine/modes.js';
import { SyncError } from '../../src/errors/index.js';

const peer = { url: 'http://a.example/sync', headers: {} };
const other = { url: 'http://b.example/sync', headers: {} };

const abilities: ModeAbilities = {
  mode: 'auto',
  base: 0,
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
    tiles: null,
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

const inTiles = (to: number, tail: number | null = null): PeerStatus['tiles'] => {
  const entry = { from: to + 1, hash: 'aa', documentBytes: 100, bytes: 50, digest: null };
  return { from: 0, to, tail: tail === null ? null : { ...entry, to: tail } };
};
const none = { stream: [], json: [], snapshot: [], frames: [] };
const ways: ModeAbilities = { ...abilities, snapshots: false, transports: ['stream', 'json', 'tiles'] };

test('history that a peer has in tiles is taken so, and the rest by the stream, or by ranges where those are asked for', (t) => {
  const served = { ...status(5_000), tiles: inTiles(4_095) };
  for (const [mode, then] of [
    ['auto', 'stream'],
    ['json', 'json'],
  ] as const) {
    const chooser = new ModeChooser({ ...ways, mode });
    const chosen = chooser.choose(peer, { ...empty, status: served });
    t.is(chosen?.mode, 'tiles');
    t.regex(chosen?.reason ?? '', new RegExp(`up to 4095 in tiles.*${then}`));
    t.is(chooser.choose(peer, { height: 4_095, to: null, status: served })?.mode, then);
    t.is(chooser.choose(peer, { height: 4_000, to: null, status: served })?.mode, then, 'it is too little');
    t.is(chooser.choose(peer, { height: null, to: 100, status: served })?.mode, then, 'so is this');
  }
  t.is(
    new ModeChooser({ ...ways, mode: 'stream' }).choose(peer, { ...empty, status: served })?.mode,
    'stream',
  );
});

test('tiles that begin above what is wanted next are not taken, and a node without the transport takes none', (t) => {
  const pruned = { ...status(5_000), tiles: { from: 1_024, to: 4_095, tail: null } };
  t.is(new ModeChooser(ways).choose(peer, { ...empty, status: pruned })?.mode, 'stream');
  t.is(new ModeChooser(ways).choose(peer, { height: 1_023, to: null, status: pruned })?.mode, 'tiles');
  t.is(new ModeChooser({ ...ways, base: 2_000 }).choose(peer, { ...empty, status: pruned })?.mode, 'tiles');
  const served = { ...status(5_000), tiles: inTiles(4_095) };
  t.is(
    new ModeChooser({ ...abilities, snapshots: false }).choose(peer, { ...empty, status: served })?.mode,
    'stream',
  );
});

test('after a failure of tiles the other ways have their turn, and tiles again once all have failed or blocks came', (t) => {
  const chooser = new ModeChooser(ways);
  const situation = { ...empty, status: { ...status(5_000), tiles: inTiles(4_095) } };
  t.true(chooser.failed(peer, 'tiles', cut, false, situation.status));
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  t.true(chooser.failed(peer, 'stream', cut, false, situation.status));
  t.is(chooser.choose(peer, situation)?.mode, 'json');
  t.false(chooser.failed(peer, 'json', cut, false, situation.status));
  t.is(chooser.choose(peer, situation)?.mode, 'tiles');
  chooser.failed(peer, 'tiles', cut, false, situation.status);
  t.is(chooser.choose(peer, situation)?.mode, 'stream');
  chooser.succeeded();
  t.is(chooser.choose(peer, situation)?.mode, 'tiles');
});

test('tiles that a peer does not have, or that are of another branch, are not asked for again; a lie has no other way', (t) => {
  const served = { ...status(5_000), tiles: inTiles(4_095) };
  for (const code of ['PEER_NOT_FOUND', 'FORKED', 'BELOW_BASE'] as const) {
    const chooser = new ModeChooser(ways);
    t.true(chooser.failed(peer, 'tiles', new SyncError(code, 'no'), false, served));
    chooser.succeeded();
    t.is(chooser.choose(peer, { ...empty, status: served })?.mode, 'stream');
    t.is(chooser.choose(other, { ...empty, status: served })?.mode, 'tiles');
    chooser.forgive(peer);
    t.is(chooser.choose(peer, { ...empty, status: served })?.mode, 'tiles');
  }
  t.false(
    new ModeChooser(ways).failed(peer, 'tiles', new SyncError('HASH_MISMATCH', 'a lie'), false, served),
  );
});

test('a peer that has files of its tiles and nothing else is asked for those alone, whatever fails', (t) => {
  const files = { ...status(5_000, none), tiles: inTiles(4_095, 4_999) };
  for (const mode of ['auto', 'json'] as const) {
    const chooser = new ModeChooser({ ...ways, mode });
    const situation = { height: 4_990, to: null, status: files };
    t.is(chooser.choose(peer, situation)?.mode, 'tiles');
    t.false(chooser.canStream({ peer: { ...peer, rollbacks: 'proved' }, status: files, line: CLEAR }));
    t.false(chooser.failed(peer, 'tiles', cut, false, files));
    t.false(chooser.failed(peer, 'tiles', missing, false, files));
    t.is(chooser.choose(peer, situation)?.mode, 'tiles');
    t.is(chooser.choose(peer, { height: 4_999, to: null, status: files })?.mode, 'tiles', 'also for nothing');
  }
  const stream = new ModeChooser({ ...ways, mode: 'stream' });
  t.is(stream.choose(peer, { ...empty, status: files }), null);
  const error = noWay(peer, 'stream', [], files);
  t.regex(error.message, /nothing but tiles/);
});
