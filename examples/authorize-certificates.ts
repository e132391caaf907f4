import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import express from 'express';
import { openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';

const chain = await openChain({ storage: { use: 'leveldb', location: process.argv[2] ?? './node-a' } });
const app = express();
app.use(
  '/sync',
  syncMiddleware({
    source: chain,
    authorize: ({ req }) => {
      // Node has checked the certificate against `ca` by now.
      const socket = req?.socket as TLSSocket | undefined;
      return socket?.authorized === true ? { id: String(socket.getPeerCertificate().subject.CN) } : null;
    },
  }),
);
const tls = {
  key: readFileSync('node.key'),
  cert: readFileSync('node.pem'),
  ca: readFileSync('clients.pem'),
};
createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, app).listen(8443);
