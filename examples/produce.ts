import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ERROR_CODES, isSyncError, openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';

/** A batch is one write, and each of its records a block: many small ones are no less work than large ones. */
const MAX_RECORDS = 1000;

const chain = await openChain({ storage: { use: 'leveldb', location: process.argv[2] ?? './ledger' } });
const app = express();
const sync = syncMiddleware({ source: chain });
app.use('/sync', sync);
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

// What Express refuses itself, as a body that is too large: its own answer has the stack in it.
app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) next(error);
  else refuse(response, error);
});

const server = app.listen(Number(process.argv[3] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', () => {
  // Those who follow are sent away, and what was accepted is stored before the chain is closed.
  server.close(() => void chain.close());
  void sync.close();
  server.closeIdleConnections();
});

// Latin-1 keeps each byte as it is, in what is no UTF-8 too: that is refused, and not mended.
function linesOf(body: Buffer): readonly Buffer[] {
  const lines = body.toString('latin1').split(/\r?\n/, MAX_RECORDS + 2);
  if (lines.length > MAX_RECORDS + 1) throw new TypeError(`A batch has at most ${MAX_RECORDS} lines.`);
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'latin1'));
}

function refuse(response: Response, error: unknown): void {
  const known = isSyncError(error) ? ERROR_CODES[error.code] : ERROR_CODES.INTERNAL;
  const status = statusOf(error) ?? known.status ?? 500;
  if (known.retryable) response.set('Retry-After', '1');
  else if (status >= 500) console.error(error);
  // What is wrong here is told here: it may name paths and hosts.
  const isTheirs = status < 500 && error instanceof Error;
  response.status(status).json({ error: isTheirs ? error.message : known.summary });
}

/** Of what is no record, and of what Express refuses. */
function statusOf(error: unknown): number | null {
  if (error instanceof TypeError) return 400;
  return error instanceof Error && 'status' in error ? Number(error.status) : null;
}
