import type {
  BlockRef,
  Frame,
  WireComplete,
  WireFrame,
  WireItem,
  WireRollback,
} from '../../src/contracts/index.js';
import { SyncError, type ErrorCode } from '../../src/errors/index.js';
import { parseHeight } from '../../src/internal/height.js';
import { asRequestCode } from '../../src/internal/http/request-codes.js';
import { asBlockRef, isHash, isHeight, parseJsonObject, peerText } from '../../src/internal/http/shape.js';
import { decodeBase64 } from './base64.js';
import type { SseEvent } from './parser.js';

/** Events of the stream (protocol section 2.2). */
export const EVENTS = {
  block: 'block',
  rollback: 'rollback',
  complete: 'complete',
  error: 'error',
} as const;

/** The codec whose blocks are sent as they are; those of all others are sent in base64. */
const IDENTITY = 'identity';
const LF = 0x0a;
const CR = 0x0d;
/** Largest data of an event that is not a block. */
const MAX_CONTROL_BYTES = 64 * 1024;

/** A comment that shows that the server is alive. */
export const HEARTBEAT: Uint8Array = Buffer.from(':\n\n');

/**
 * A `block` event.
 *
 * @throws SyncError `BLOCK_MALFORMED` for an unencoded document with a line break in it, which would end the event early
 */
export function formatBlockEvent(frame: Pick<Frame, 'header' | 'codec' | 'bytes'>): Uint8Array {
  const { height } = frame.header;
  const head = `event: ${EVENTS.block}\nid: ${heightText(height)}\ndata: `;
  const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
  if (frame.codec !== IDENTITY) return Buffer.from(`${head}${bytes.toString('base64')}\n\n`, 'latin1');
  if (bytes.includes(LF) || bytes.includes(CR)) {
    throw new SyncError('BLOCK_MALFORMED', `Block ${height} has a line break in it.`, { height });
  }
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes, Buffer.from('\n\n')]);
}

/** A `rollback` event: everything above `to` is void. */
export function formatRollbackEvent(to: BlockRef): Uint8Array {
  return formatJson(EVENTS.rollback, { height: to.height, hash: to.hash }, `id: ${heightText(to.height)}\n`);
}

/** A `complete` event with the head when it was written; `null` for an empty chain. */
export function formatCompleteEvent(head: BlockRef | null): Uint8Array {
  return formatJson(EVENTS.complete, { height: head?.height ?? null, hash: head?.hash ?? null });
}

/** An `error` event; the stream ends after it. */
export function formatErrorEvent(code: ErrorCode, text: string): Uint8Array {
  return formatJson(EVENTS.error, { error: text, code });
}

/** How the events of one request are to be read. */
export interface WireGrammar {
  /** The codec that was asked for. */
  readonly codec: string;
  /** Whether the request follows the chain: only then may it be rolled back. */
  readonly follow: boolean;
}

/**
 * Reads an event; `null` for one of a type that this version doesn't know.
 *
 * @throws SyncError `PROTOCOL_VIOLATION`, `CODEC_CORRUPT`, `EVENT_TOO_LARGE`; for an `error` event `PEER_ERROR` or the
 * code it names
 */
export function parseWireEvent(event: SseEvent, grammar: WireGrammar): WireItem | null {
  switch (event.type) {
    case EVENTS.block:
      return parseBlock(event, grammar.codec);
    case EVENTS.rollback:
      return parseRollback(event, grammar.follow);
    case EVENTS.complete:
      return parseComplete(event);
    case EVENTS.error:
      throw reportedError(event);
    default:
      return null;
  }
}

function parseBlock(event: SseEvent, codec: string): WireFrame {
  const height = parseId(event);
  try {
    const bytes = codec === IDENTITY ? event.data : decodeBase64(event.data);
    return { kind: 'frame', height, codec, bytes };
  } catch (error) {
    throw error instanceof SyncError && height !== null ? error.at({ height }) : error;
  }
}

function parseRollback(event: SseEvent, follow: boolean): WireRollback {
  if (!follow) throw violation('a rollback event came although the request does not follow');
  const to = asBlockRef(parseControl(event));
  const height = parseId(event);
  if (to === null) throw violation('the data of a rollback event is not {"height","hash"}');
  if (height !== null && height !== to.height) {
    throw violation(`a rollback to ${to.height} has the id ${height}`);
  }
  return { kind: 'rollback', to };
}

function parseComplete(event: SseEvent): WireComplete {
  const { height, hash = null } = parseControl(event);
  if (height === null && hash === null) return { kind: 'complete', head: null };
  if (!isHeight(height) || (hash !== null && !isHash(hash))) {
    throw violation('the data of a complete event is not {"height","hash"}');
  }
  return { kind: 'complete', head: { height, hash } };
}

function reportedError(event: SseEvent): SyncError {
  const { error, code } = parseControl(event);
  const name = peerText(code, 40);
  const text = `The peer reports: ${peerText(error) || 'no text'}${name === '' ? '' : ` (${name})`}`;
  return new SyncError(asRequestCode(name) ?? 'PEER_ERROR', text);
}

function parseId(event: SseEvent): number | null {
  if (event.id === null) return null;
  const height = parseHeight(event.id);
  if (height === null)
    throw violation(`the id of a ${event.type} event, '${peerText(event.id, 40)}', is no height`);
  return height;
}

function parseControl(event: SseEvent): Readonly<Record<string, unknown>> {
  if (event.data.length > MAX_CONTROL_BYTES) {
    const size = `${event.data.length} bytes; the limit is ${MAX_CONTROL_BYTES}`;
    throw new SyncError('EVENT_TOO_LARGE', `The data of ${a(event.type)} event has ${size}.`);
  }
  const data = parseJsonObject(event.data);
  if (data === null) throw violation(`the data of ${a(event.type)} event is not a JSON object`);
  return data;
}

function a(type: string): string {
  return type === EVENTS.error ? `an ${type}` : `a ${type}`;
}

function violation(what: string): SyncError {
  return new SyncError('PROTOCOL_VIOLATION', `The stream breaks the protocol: ${what}.`);
}

function heightText(height: number): string {
  if (!isHeight(height))
    throw new TypeError(`A height is an integer from 0 to 2^53-1, not ${String(height)}.`);
  return String(height);
}

/** `JSON.stringify` leaves no line break in its result, whatever the text is. */
function formatJson(event: string, data: object, idLine = ''): Uint8Array {
  return Buffer.from(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}
