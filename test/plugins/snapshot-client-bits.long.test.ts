import test from 'ava';
import type { HttpFetch } from '../../src/contracts/index.js';
import { client, download, makeSnapshot, plainBlocks } from './snapshot-client-support.js';

test('every bit of a body counts', async (t) => {
  const { manifest: small, body } = makeSnapshot({
    blocks: plainBlocks(17, 55),
    codec: 'identity',
    partBytes: 600,
  });
  t.true(body.length > 1900 && body.length < 2200, `${body.length} bytes`);
  // Responses come without a socket, of which there would be 16,000.
  let served = body;
  const fetch: HttpFetch = (_url, { headers }) => {
    const [, start, end] = /^bytes=([0-9]+)-([0-9]+)$/.exec(headers['range'] ?? '') ?? [];
    const bytes = new Uint8Array(served.subarray(Number(start), Number(end) + 1));
    const range = `bytes ${start}-${end}/${body.length}`;
    return Promise.resolve(new Response(bytes, { status: 206, headers: { 'content-range': range } }));
  };
  const transport = client({ connections: 1 }, {}, fetch);
  const peers = [{ url: 'http://peer.example', headers: {} }];
  t.is((await download(small, peers, { client: transport })).error, null);
  for (let bit = 0; bit < body.length * 8; bit++) {
    served = Buffer.from(body);
    served.writeUInt8(served.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const { error } = await download(small, peers, { client: transport });
    if (error?.code !== 'SNAPSHOT_CORRUPT') t.fail(`bit ${bit}: ${error?.code}`);
  }
});
