import express from 'express';
import { openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';

const chain = await openChain({ storage: { use: 'leveldb', location: process.argv[2] ?? './node-a' } });
const app = express();
// Without `authorize` everybody reads who can reach the port, which here is this machine.
app.use('/sync', syncMiddleware({ source: chain }));
app.listen(Number(process.argv[3] ?? 8080), '127.0.0.1');
