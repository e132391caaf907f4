import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { seal, SEALED_JSON_GENESIS } from 'blockferry/plugins/chain-sealed-json';
import { mockPeer } from 'blockferry/testing';
import { startApp } from './app.mjs';

/** Blocks behind one another. */
function blocks(count) {
  const documents = [];
  let previousHash = SEALED_JSON_GENESIS;
  for (let height = 0; height < count; height++) {
    const block = seal(new TextEncoder().encode(JSON.stringify({ records: [height] })), {
      height,
      previousHash,
    });
    documents.push(block.document);
    previousHash = block.hash;
  }
  return documents;
}

async function until(holds) {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('It did not come about within a minute.');
    await delay(10);
  }
}

test('the node follows its peer, feeds others, and shows itself', async (t) => {
  const documents = blocks(30);
  const peer = await mockPeer(documents.slice(0, 20));
  t.after(() => peer.close());
  // The first answer with blocks breaks off: the node has to go on by itself.
  peer.inject({ kind: 'truncate', bytes: 500 }, { on: /\/(stream|json)/, times: 1 });
  const data = await mkdtemp(join(tmpdir(), 'my-node-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  const app = await startApp({ peers: [peer.url], data: join(data, 'node') });
  t.after(() => app.close());

  const head = async () => (await (await fetch(app.url)).json()).head;
  await until(async () => (await head()) === 19);
  await peer.chain.append(documents.slice(20));
  await until(async () => (await head()) === 29);

  const lines = await fetch(`${app.url}/sync/json?from=0&to=29`, {
    headers: { accept: 'application/x-ndjson' },
  });
  assert.equal(await lines.text(), documents.map((document) => `${Buffer.from(document)}\n`).join(''));
  await until(async () => (await fetch(`${app.url}/sync/ready`)).ok);
  assert.match(
    await (await fetch(`${app.url}/sync/metrics`)).text(),
    /blockferry_height\{[^}]*kind="head"[^}]*\} 29/,
  );
  assert.match(await (await fetch(`${app.url}/ui/`)).text(), /<html/i);
});
