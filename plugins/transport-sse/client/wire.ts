import type { WireComplete, WireFrame, WireItem, WireRollback } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { parseHeight } from '../../../src/internal/height.js';
import { asRequestCode } from '../../../src/internal/http/request-codes.js';
import { asBlockRef, isHash, isHeight, parseJsonObject, peerText } from '../../../src/internal/http/shape.js';
import { decodeBase64 } from './base64.js';
import type { SseEvent } from './parser.js';

/** Events of the stream (protocol section 2.2). */
const EVENTS = {
  block: 'block',
  rollback: 'rollback',
  complete: 'complete',
  error: 'error',
} as const;

/** The codec whose blocks are sent as they are; those of all others are sent in base64. */
const IDENTITY = 'identity';
/** Largest data of an event that is not a block. */
const MAX_CONTROL_BYTES = 64 * 1024;

/**
 * Most data of an event that is held while it comes. One without a name yet may be a block; data of types that this
 * version doesn't know is not held.
 */
export function maxDataBytes(type: string, maxBlockBytes: number): number {
  switch (type) {
    case '':
    case EVENTS.block:
      return maxBlockBytes;
    case EVENTS.rollback:
    case EVENTS.complete:
    case EVENTS.error:
      return MAX_CONTROL_BYTES;
    default:
      return 0;
  }
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
 * @throws SyncError `PROTOCOL_VIOLATION`, `CODEC_CORRUPT`; for an `error` event `PEER_ERROR` or the
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
    throw isSyncError(error) && height !== null ? error.at({ height }) : error;
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
    throw violation(`the data of ${a(event.type)} event has ${size}`);
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
