import test from 'ava';
import type { PeerStatus } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { serve, transport } from '../plugins/transport-sse-client-support.js';

const { signal } = new AbortController();
const tail = { from: 1024, to: 1034, hash: 'h', documentBytes: 3_300, bytes: 500 };

/** What a client reads in the status of a peer with these tiles. */
async function statusWith(
  t: Parameters<typeof serve>[0],
  tiles: unknown,
): Promise<PeerStatus['tiles'] | undefined> {
  const status = { protocol: 1, chain: 'sealed-json', base: 0, head: null, tiles };
  const peer = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(status));
  });
  return (await transport().status(peer, { signal }))?.tiles;
}

test('tiles of the status document are read, with a tail behind them or alone', async (t) => {
  const digest = 'ab'.repeat(32);
  const read: [unknown, unknown][] = [
    [undefined, null],
    [null, null],
    [
      { from: 0, to: 1023, tail: null },
      { from: 0, to: 1023, tail: null },
    ],
    [
      { from: 5, to: 5 },
      { from: 5, to: 5, tail: null },
    ],
    [
      { from: 0, to: 1023, tail },
      { from: 0, to: 1023, tail: { ...tail, digest: null } },
    ],
    [
      { from: 0, to: -1, tail: { ...tail, from: 0, to: 9, digest } },
      { from: 0, to: -1, tail: { ...tail, from: 0, to: 9, digest } },
    ],
  ];
  for (const [tiles, wanted] of read) t.deepEqual(await statusWith(t, tiles), wanted as PeerStatus['tiles']);
});

test('tiles that no peer can have are refused', async (t) => {
  const behind = (more: object): object => ({ from: 0, to: 1023, tail: { ...tail, ...more } });
  const wrong: unknown[] = [
    5,
    [],
    { from: 0 },
    { from: '0', to: 1023, tail: null },
    { from: 1024, to: 1023, tail: null },
    { from: 0, to: 2 ** 53 - 1, tail: null },
    { from: 0, to: 1023, tail: 'tail' },
    { from: 2, to: 0, tail: { ...tail, from: 1 } },
    behind({ from: 1025 }),
    behind({ to: 1023 }),
    behind({ to: 2047 }),
    behind({ hash: '' }),
    behind({ documentBytes: 32 }),
    behind({ documentBytes: 4_194_305 }),
    behind({ bytes: 0 }),
    behind({ bytes: 70_000 }),
    behind({ digest: 'AB' }),
  ];
  for (const tiles of wrong) {
    const error = await t.throwsAsync(statusWith(t, tiles), undefined, JSON.stringify(tiles));
    t.true(isSyncError(error, 'PROTOCOL_VIOLATION'), JSON.stringify(tiles));
    t.true(error.message.includes('tiles'));
  }
});
