import type { AddressInfo } from 'node:net';
import express, { type Request, type Response } from 'express';
import { ERROR_CODES, isSyncError, openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';

const chain = await openChain({ storage: { use: 'leveldb', location: process.argv[2] ?? './ledger' } });
const app = express();
app.use('/sync', syncMiddleware({ source: chain }));
// As bytes: what was sent is what is stored, and nothing is parsed and written anew.
app.use(express.raw({ type: ['application/json', 'application/x-ndjson'], limit: '8mb' }));

// One record, or a batch as NDJSON. Who sends it again with the same key gets the same blocks.
app.post('/records', async (request, response) => {
  const key = request.get('idempotency-key');
  const options = key === undefined ? {} : { idempotencyKey: key };
  try {
    if (!Buffer.isBuffer(request.body)) throw new TypeError('Send application/json or application/x-ndjson.');
    const records = request.is('application/x-ndjson') === false ? [request.body] : linesOf(request.body);
    const blocks = await chain.produce(records, options);
    response.status(blocks[0]?.isRepeat === true ? 200 : 201).json({ blocks });
  } catch (error) {
    refuse(response, error);
  }
});

// The block at a height, byte for byte.
app.get('/records/:height', async (request: Request<{ height: string }>, response) => {
  const block = await chain.get(Number(request.params.height));
  if (block === null) response.status(404).json({ error: 'There is no such block.' });
  else response.type('application/json').send(Buffer.from(block.bytes));
});

const server = app.listen(Number(process.argv[3] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', () => {
  // What was accepted is stored before the chain is closed.
  server.close(() => void chain.close());
  server.closeIdleConnections();
});

function linesOf(body: Buffer): readonly string[] {
  return body
    .toString()
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

function refuse(response: Response, error: unknown): void {
  if (error instanceof TypeError) {
    response.status(400).json({ error: error.message });
    return;
  }
  const known = isSyncError(error) ? ERROR_CODES[error.code] : ERROR_CODES.INTERNAL;
  if (known.retryable) response.set('Retry-After', '1');
  response.status(known.status ?? 500).json({ error: isSyncError(error) ? error.message : known.summary });
}
