import type { Connection, PoolClient, Submittable } from 'pg';
import { Deferred } from '../../src/internal/deferred.js';
import { type BinaryRow, CopyRows } from './copy-rows.js';
import { GuardedSocket, type SocketReader } from './guarded-socket.js';

/** Each message begins with its type and its length, which counts itself. */
const HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const COPY_OUT_RESPONSE = 'H'.charCodeAt(0);
const COPY_DATA = 'd'.charCodeAt(0);

type OnData = (chunk: Buffer) => void;

/**
 * Gives the rows of a query as they come, as the server has them: not as text, which takes twice as much. It has no
 * parameters. What fails leaves a connection that can't be used any more.
 */
export async function copyOut(
  client: PoolClient,
  query: string,
  onRow: (row: BinaryRow) => void,
): Promise<void> {
  await client.query(new CopyOut(`copy (${query}) to stdout (format binary)`, onRow)).finished;
}

/**
 * The statement, as the client runs it. It reads what the server copies past the client's parser, and past the stream of
 * `pg-copy-streams`, which both put messages together first: several copies of each byte, which cost more than to read it.
 */
class CopyOut implements Submittable, SocketReader {
  readonly #sql: string;
  readonly #rows: CopyRows;
  readonly #done = new Deferred<void>();
  /** Of the message that is coming. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;
  #isOver = false;
  #handBack: OnData = () => undefined;

  /** The client puts its limit of time around it. */
  callback: ((error?: Error) => void) | undefined;

  constructor(sql: string, onRow: (row: BinaryRow) => void) {
    this.#sql = sql;
    this.#rows = new CopyRows((row) => {
      if (!this.#isOver) onRow(row);
    });
  }

  get finished(): Promise<void> {
    return this.#done.promise;
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    const parsers = stream.listeners('data') as OnData[];
    const onData: OnData = (chunk) => {
      this.#take(chunk);
    };
    const own = stream instanceof GuardedSocket ? stream : null;
    this.#handBack = (rest) => {
      stream.off('data', onData);
      if (own !== null) own.reader = null;
      for (const parser of parsers) {
        stream.on('data', parser);
        parser(rest);
      }
    };
    for (const parser of parsers) stream.off('data', parser);
    stream.on('data', onData);
    if (own !== null) own.reader = this;
    connection.query(this.#sql);
  }

  room(): Buffer | null {
    return this.#headBytes === HEAD_BYTES && this.#head[0] === COPY_DATA ? this.#rows.room(this.#left) : null;
  }

  filled(bytes: number): void {
    this.#rows.filled(bytes);
    this.#skip(bytes);
  }

  /** Copied data that came behind another message, by the client's parser. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.#rows.push(chunk);
  }

  handleCommandComplete(): void {
    // What comes next says that the server is ready.
  }

  handleReadyForQuery(): void {
    this.#end();
    this.#done.resolve();
  }

  /** What comes yet on a connection that is given up is thrown away. */
  handleError(error: Error): void {
    this.#end(error);
    this.#done.reject(error);
  }

  #end(error?: Error): void {
    this.#isOver = true;
    this.callback?.(error);
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.byteLength;) {
      if (this.#headBytes < HEAD_BYTES) {
        const copied = chunk.copy(this.#head, this.#headBytes, at);
        at += copied;
        this.#headBytes += copied;
        if (this.#headBytes < HEAD_BYTES) return;
        if (!this.#isCopied) {
          this.#handBack(Buffer.concat([this.#head, chunk.subarray(at)]));
          return;
        }
        this.#left = this.#head.readUInt32BE(1) - LENGTH_BYTES;
      }
      const piece = chunk.subarray(at, at + this.#left);
      at += piece.byteLength;
      if (this.#head[0] === COPY_DATA) this.#rows.push(piece);
      this.#skip(piece.byteLength);
    }
  }

  #skip(bytes: number): void {
    this.#left -= bytes;
    if (this.#left === 0) this.#headBytes = 0;
  }

  get #isCopied(): boolean {
    return this.#head[0] === COPY_DATA || this.#head[0] === COPY_OUT_RESPONSE;
  }
}
