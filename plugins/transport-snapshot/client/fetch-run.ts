import { createHash } from 'node:crypto';
import type { Peer, SnapshotPart, TransportDeps } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { BodyReader } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { peerText } from '../../../src/internal/http/shape.js';

/** What a peer has of a body under one address: all of it, or a file of it. */
export interface BodyTarget {
  /** Path below the peer's URL. */
  readonly target: string;
  /** Where it begins in the body. */
  readonly offset: number;
  readonly size: number;
}

/** Parts that lie one behind the other, fetched with one request. */
export interface RunRequest {
  readonly peer: Peer;
  readonly body: BodyTarget;
  /** At least one. */
  readonly parts: readonly SnapshotPart[];
}

/**
 * A server that has no ranges sends the whole body each time. What lies before the parts is read and passed over, but
 * only of bodies up to this size.
 */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;
/** So many bytes within the progress time are progress; less than that is a peer that only seems to send. */
const PROGRESS_BYTES = 64 * 1024;
const CONTENT_RANGE = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/;

/**
 * Fetches a run of parts with one range request (protocol section 2.5; RFC 9110 section 14) and yields each once it has the
 * hash that the manifest gives.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`, `SNAPSHOT_GONE`, `STREAM_TRUNCATED`, `PROTOCOL_VIOLATION`, `PEER_*`, `ABORTED`
 */
export async function* fetchRun(
  deps: TransportDeps,
  request: RunRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { peer, body, parts } = request;
  const span = spanOf(parts, body);
  const headers = {
    accept: 'application/octet-stream',
    'accept-encoding': 'identity',
    range: `bytes=${span.start}-${span.end - 1}`,
  };
  const exchange = await openExchange(deps, { peer, target: body.target, headers }, signal);
  try {
    const { status } = exchange.response;
    if (status === 206) requireRange(exchange, span, body.size);
    else if (status === 200) requireSmall(request);
    else throw await responseError(exchange, { peer, limits: deps.limits, from: 0, signal });
    const reader = new RunReader(exchange, deps);
    if (status === 200) await reader.skip(span.start);
    for (const part of parts) {
      const bytes = await readPart(reader, part);
      if (status === 206 && part === parts.at(-1)) await reader.requireEnd();
      yield bytes;
    }
  } finally {
    exchange.close();
  }
}

interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

function spanOf(parts: readonly SnapshotPart[], { offset }: BodyTarget): ByteSpan {
  const first = parts[0];
  const last = parts.at(-1);
  if (first === undefined || last === undefined) throw new TypeError('A run needs at least one part.');
  return { start: first.offset - offset, end: last.offset - offset + last.length };
}

function requireRange({ response }: HttpExchange, { start, end }: ByteSpan, size: number): void {
  const given = response.headers.get('content-range');
  const [, from, to, total] = CONTENT_RANGE.exec(given ?? '') ?? [];
  const fits = Number(from) === start && Number(to) === end - 1 && (total === '*' || Number(total) === size);
  if (fits) return;
  const message = `Bytes ${start}-${end - 1}/${size} were asked for, the answer has ${peerText(given) || 'no range'}.`;
  throw new SyncError('PROTOCOL_VIOLATION', message);
}

function requireSmall({ peer, body }: RunRequest): void {
  if (body.size <= MAX_WHOLE_BYTES) return;
  const message = `${peer.url} sends no ranges, and the whole has ${body.size} bytes.`;
  throw new SyncError('PEER_REFUSED', message);
}

async function readPart(reader: RunReader, part: SnapshotPart): Promise<Uint8Array> {
  const bytes = await reader.read(part.length);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === part.sha256) return bytes;
  const message = `The part at ${part.offset} has the hash ${sha256}, the manifest says ${part.sha256}.`;
  throw new SyncError('SNAPSHOT_CORRUPT', message);
}

/** Reads counts of bytes from a body. */
class RunReader {
  readonly #body: BodyReader;
  #chunk: Uint8Array = new Uint8Array(0);
  #sinceProgress = 0;

  constructor(exchange: HttpExchange, { limits }: TransportDeps) {
    this.#body = new BodyReader(exchange, {
      idleMs: limits.idleTimeoutMs,
      progressMs: limits.progressTimeoutMs,
      codes: { idle: 'PEER_TIMEOUT', progress: 'PEER_TIMEOUT', cut: 'STREAM_TRUNCATED' },
    });
  }

  async read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#take(length, (piece, at) => {
      bytes.set(piece, at);
    });
    this.#body.progressed();
    return bytes;
  }

  async skip(length: number): Promise<void> {
    await this.#take(length, () => undefined);
  }

  async requireEnd(): Promise<void> {
    if (this.#chunk.length === 0 && (await this.#next()) === null) return;
    throw new SyncError('PROTOCOL_VIOLATION', 'The response has more bytes than were asked for.');
  }

  async #take(length: number, use: (piece: Uint8Array, at: number) => void): Promise<void> {
    for (let at = 0; at < length;) {
      if (this.#chunk.length === 0) this.#chunk = (await this.#next()) ?? ended(length - at);
      const piece = this.#chunk.subarray(0, length - at);
      use(piece, at);
      at += piece.length;
      this.#chunk = this.#chunk.subarray(piece.length);
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const chunk = await this.#body.next();
    this.#sinceProgress += chunk?.length ?? 0;
    if (this.#sinceProgress >= PROGRESS_BYTES) {
      this.#body.progressed();
      this.#sinceProgress = 0;
    }
    return chunk;
  }
}

function ended(missing: number): never {
  throw new SyncError('STREAM_TRUNCATED', `The response ended ${missing} bytes before the end of a part.`);
}
