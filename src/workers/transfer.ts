import type { Packed, PackTask } from '../contracts/index.js';
import type { Request } from './messages.js';

/** Something to post, and the memory that goes with it instead of being copied. */
export interface Parcel<T> {
  readonly content: T;
  readonly transfer: readonly ArrayBuffer[];
}

/**
 * A piece of work for another thread. Its bytes are copied, once, into memory that is then handed over: the caller's
 * own may be a view of something larger or be in use elsewhere, so it is never detached.
 */
export function outgoing(request: Request): Parcel<Request> {
  if (request.kind === 'pack') return outgoingTask(request.task);
  if (request.kind === 'encode') {
    const { content: documents, transfer } = given(request) ?? outgoingRow(request.documents);
    return { content: { ...request, documents }, transfer };
  }
  const bytes = new Uint8Array(request.bytes);
  return { content: { ...request, bytes }, transfer: [bytes.buffer] };
}

/** The documents as they are, when their memory is one block that was given up; `null` otherwise. */
function given({
  documents,
  owned,
}: Extract<Request, { readonly kind: 'encode' }>): Parcel<readonly Uint8Array[]> | null {
  const buffer = documents[0]?.buffer;
  if (!owned || !(buffer instanceof ArrayBuffer)) return null;
  return documents.every((document) => document.buffer === buffer)
    ? { content: documents, transfer: [buffer] }
    : null;
}

function outgoingTask(task: PackTask): Parcel<Request> {
  const { content: row, transfer } = outgoingRow(task.chunks.map(({ bytes }) => bytes));
  const chunks = task.chunks.map((chunk, index) => ({ ...chunk, bytes: row[index] ?? chunk.bytes }));
  return { content: { kind: 'pack', task: { ...task, chunks } }, transfer };
}

/** Copies of pieces of bytes in one block of memory: blocks of a chain may be small and many. */
export function outgoingRow(pieces: readonly Uint8Array[]): Parcel<readonly Uint8Array[]> {
  const copy = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  const row = pieces.map((piece) => {
    const start = at;
    copy.set(piece, start);
    at += piece.length;
    return copy.subarray(start, at);
  });
  return { content: row, transfer: [copy.buffer] };
}

/** Decoded bytes to hand over. */
export function outgoingBytes(bytes: Uint8Array): Parcel<Uint8Array> {
  const content = owning(bytes);
  return { content, transfer: [content.buffer] };
}

/** An encoded run to hand over. */
export function outgoingPacked(packed: Packed): Parcel<Packed> {
  const raw = owning(packed.raw);
  const buffers = new Set([raw.buffer]);
  const parts = packed.parts.map((part) => {
    const bytes = owning(part.bytes);
    buffers.add(bytes.buffer);
    return { ...part, bytes };
  });
  return { content: { parts, raw }, transfer: [...buffers] };
}

/** The same bytes in memory of their own: a view of something larger would take all of that along. */
export function owning(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}
