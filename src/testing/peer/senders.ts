import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import type { PeerAnswer, PeerFault } from './fault.js';
import { Held } from './held.js';

/** Sends an answer on, with a fault. */
type Sender<Kind extends PeerFault['kind']> = (
  answer: IncomingMessage,
  response: ServerResponse,
  fault: Extract<PeerFault, { readonly kind: Kind }>,
) => void;

/** As it came. */
export function sendWhole(answer: IncomingMessage, response: ServerResponse): void {
  begin(answer, response);
  answer.pipe(response);
}

/** How each fault changes what is sent. */
export const SENDERS: { readonly [Kind in PeerFault['kind']]: Sender<Kind> } = {
  truncate: (answer, response, { bytes }) => {
    cutAt(answer, response, bytes, () => response.destroy());
  },
  stall: (answer, response, { bytes }) => {
    cutAt(answer, response, bytes, () => undefined);
  },
  corrupt: (answer, response, { byte }) => {
    begin(answer, response);
    let seen = 0;
    answer.on('data', (chunk: Buffer) => {
      const at = byte - seen;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 1;
      seen += chunk.length;
      response.write(chunk);
    });
    answer.on('end', () => response.end());
  },
  lie: (answer, response, { change }) => {
    const held = new Held(answer);
    answer.on('end', () => {
      const [headers, body] = [textHeaders(answer), held.take()];
      const said = change({ status: answer.statusCode ?? 502, headers, body });
      const now: PeerAnswer['headers'] = { ...headers, 'content-length': null, ...said.headers };
      const kept = Object.entries(now).filter(([, value]) => value !== null);
      response.writeHead(
        said.status ?? answer.statusCode ?? 502,
        Object.fromEntries(kept) as Record<string, string>,
      );
      response.end(said.body ?? body);
    });
  },
  fork: sendWhole,
  buffer: (answer, response, { hold }) => {
    if (hold !== 'all') begin(answer, response);
    const onMore = (length: number): void => {
      if (typeof hold === 'object' && 'bytes' in hold && length > hold.bytes) response.write(held.take());
    };
    const held = new Held(answer, onMore);
    if (typeof hold === 'object' && 'ms' in hold) {
      const timer = setInterval(() => response.write(held.take()), hold.ms);
      answer.on('close', () => {
        clearInterval(timer);
      });
    }
    answer.on('end', () => {
      if (hold === 'all') response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.end(held.take());
    });
  },
  compress: (answer, response) => {
    const headers: OutgoingHttpHeaders = { ...answer.headers, 'content-encoding': 'gzip' };
    delete headers['content-length'];
    response.writeHead(answer.statusCode ?? 502, headers);
    response.flushHeaders();
    answer.pipe(createGzip()).pipe(response);
  },
};

function begin(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  response.flushHeaders();
}

/** Sends so many bytes of the body; then nothing more, unless it had no more. */
function cutAt(answer: IncomingMessage, response: ServerResponse, bytes: number, cut: () => void): void {
  begin(answer, response);
  let left = bytes;
  answer.on('data', (chunk: Buffer) => {
    if (left === 0) return;
    response.write(chunk.subarray(0, left), () => {
      if (left === 0) cut();
    });
    left -= Math.min(left, chunk.length);
  });
  if (bytes === 0) setImmediate(cut);
  answer.on('end', () => {
    if (left > 0) response.end();
  });
}

function textHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
