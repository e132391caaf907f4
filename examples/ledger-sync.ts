import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type Chain, createSyncEngine, openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';
import { seal, SEALED_JSON_GENESIS } from 'blockferry/plugins/chain-sealed-json';
import { ledger, type Transaction } from './ledger.js';

const BLOCKS: readonly (readonly Transaction[])[] = [
  [
    { type: 'register', record: 'record/1', owner: 'ada' },
    { type: 'register', record: 'record/2', owner: 'ada' },
  ],
  [{ type: 'grant', record: 'record/1', to: 'clinic-north' }],
  [
    { type: 'register', record: 'record/3', owner: 'grace' },
    { type: 'grant', record: 'record/1', to: 'clinic-south' },
  ],
  [{ type: 'revoke', record: 'record/1', to: 'clinic-north' }],
];

async function stateOf(chain: Chain): Promise<string[]> {
  const lines: string[] = [];
  for (const table of ['accounts', 'contracts'] as const) {
    for await (const [key, value] of chain.stateEntries(table)) {
      lines.push(`${table} ${key} ${JSON.stringify(value)}`);
    }
  }
  return lines;
}

// Node A seals and appends blocks; each changes the state in the write that stores it.
const chain = await openChain({ storage: { use: 'memory' }, stateTransition: ledger });
let previousHash = SEALED_JSON_GENESIS;
for (const [height, transactions] of BLOCKS.entries()) {
  const { document, hash } = seal(Buffer.from(JSON.stringify({ transactions })), { height, previousHash });
  await chain.append([document]);
  previousHash = hash;
}
console.log('record/1 of node A:', JSON.stringify(await chain.getState('contracts', 'record/1')));

// Node B syncs the blocks and comes to the same state by itself.
const app = express();
const sync = syncMiddleware({ source: chain });
app.use('/sync', sync);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const engine = createSyncEngine({
  peers: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
  storage: { use: 'memory' },
  stateTransition: ledger,
});
await engine.start();
const [stateA, stateB] = await Promise.all([chain, engine.chain ?? chain].map(stateOf));
console.log(stateB?.join('\n'));
console.log(stateA?.join() === stateB?.join() ? 'Both nodes have this state.' : 'The states differ.');

await engine.close();
await sync.close();
server.close();
await chain.close();
