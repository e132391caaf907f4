import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import express from 'express';
import type { Chain } from 'blockferry';
import { type AuthorizeRequest, type Principal, syncMiddleware } from 'blockferry/express';

/** Somebody who may read, with the SHA-256 of its token in hexadecimal: no token is kept here. */
export interface Reader {
  readonly id: string;
  readonly sha256: string;
}

/** By a bearer token. */
export function byToken(
  readers: readonly Reader[],
): (request: Pick<AuthorizeRequest, 'header'>) => Principal | null {
  return ({ header }) => {
    const token = /^Bearer (\S+)$/.exec(header('authorization') ?? '')?.[1] ?? '';
    const digest = createHash('sha256').update(token).digest();
    const reader = readers.find(({ sha256 }) => {
      const known = Buffer.from(sha256, 'hex');
      return known.length === digest.length && timingSafeEqual(known, digest);
    });
    return reader === undefined ? null : { id: reader.id, maxStreams: 5 };
  };
}

/** By the certificate of the client, which Node has checked against the `ca` of the server by now. */
export function byCertificate({ req }: Pick<AuthorizeRequest, 'req'>): Principal | null {
  const socket = req?.socket as TLSSocket | undefined;
  return socket?.authorized === true ? { id: String(socket.getPeerCertificate().subject.CN) } : null;
}

/** A server that takes either, and keeps a line of what was read. `tls` has `key`, `cert`, and the `ca` of its clients. */
export function guardedServer(
  source: Chain,
  readers: readonly Reader[],
  tls: ServerOptions,
  line: (text: string) => void,
): Server {
  const byTokens = byToken(readers);
  const middleware = syncMiddleware({
    source,
    authorize: (request) => byCertificate(request) ?? byTokens(request),
    audit: ({ at, principal, way, from, to, bytes }) => {
      line(`${at} ${principal ?? 'anybody'} read ${from} to ${to} by ${way}: ${bytes} bytes`);
    },
  });
  const app = express().use('/sync', middleware);
  // A client without a certificate may still have a token.
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, app);
  return server.once('close', () => void middleware.close());
}
