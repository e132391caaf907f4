import { createHash, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { openChain } from 'blockferry';
import { type Authorize, syncMiddleware } from 'blockferry/express';

/** Names with the SHA-256 of their tokens, so that no token is kept here. */
const readers = [{ id: 'hospital-1', digest: process.env['HOSPITAL_1_SHA256'] ?? '' }];

const authorize: Authorize = ({ header }) => {
  const token = /^Bearer (\S+)$/.exec(header('authorization') ?? '')?.[1] ?? '';
  const digest = createHash('sha256').update(token).digest();
  const reader = readers.find(({ digest: known }) => {
    const bytes = Buffer.from(known, 'hex');
    return bytes.length === digest.length && timingSafeEqual(bytes, digest);
  });
  return reader === undefined ? null : { id: reader.id, maxStreams: 5 };
};

const chain = await openChain({ storage: { use: 'leveldb', location: process.argv[2] ?? './node-a' } });
const app = express();
app.use(
  '/sync',
  syncMiddleware({
    source: chain,
    authorize,
    audit: ({ at, principal, way, from, to, bytes }) => {
      console.log(`${at} ${principal ?? 'anybody'} read ${from} to ${to} by ${way}: ${bytes} bytes`);
    },
  }),
);
app.listen(Number(process.argv[3] ?? 8080), '127.0.0.1');
