import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { SyncError } from 'blockferry';

/** Where bytes of a record stand. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

/** What is in front of a record: a mark, the lengths of what it says and of its bytes, and the CRC-32 of each. */
const HEAD_BYTES = 20;
const MARK = Buffer.from('bfj1');
/** Files are read so many bytes at once when what a crash has left is looked at. */
const WINDOW_BYTES = 1024 * 1024;

interface Head {
  readonly text: Place;
  readonly bytes: Place;
  readonly textCrc: number;
  readonly bytesCrc: number;
  readonly end: number;
}

/**
 * A file that is only added to. A record is durable when `append` resolves; what a crash has left of one that was not is cut
 * off at the next start.
 */
export class Journal {
  readonly #file: FileHandle;
  #end = 0;
  #isClosed = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens a file, or makes an empty one. */
  static async open(path: string): Promise<Journal> {
    return new Journal(await open(path, 'a+'));
  }

  /** Reads what the records say, in order, with where the bytes of each begin. @throws SyncError `STORE_DAMAGED` */
  async *replay(): AsyncGenerator<{ readonly text: string; readonly bytesAt: number }, void, undefined> {
    const { size } = await this.#file.stat();
    for (let at = 0; at < size; at = this.#end) {
      const head = await this.#headAt(at, size);
      const text = head === null ? null : await this.#readAt(head.text);
      const isWhole = head !== null && text !== null && crc32(text) === head.textCrc;
      if (!isWhole || (head.end === size && crc32(await this.#readAt(head.bytes)) !== head.bytesCrc)) {
        // Each record is durable before the next is begun: only the last one can be torn.
        if (await this.#hasRecordAfter(at + 1, size))
          throw new SyncError('STORE_DAMAGED', `The journal is damaged at byte ${at}.`);
        await this.#file.truncate(at);
        return;
      }
      this.#end = head.end;
      yield { text: text.toString(), bytesAt: head.bytes.offset };
    }
  }

  /** Adds a record, durably. @returns where its bytes begin. The file is as before when it fails. */
  async append(text: string, bytes: Uint8Array): Promise<number> {
    this.check();
    const said = Buffer.from(text);
    const head = Buffer.alloc(HEAD_BYTES);
    MARK.copy(head);
    head.writeUInt32LE(said.length, 4);
    head.writeUInt32LE(bytes.length, 8);
    head.writeUInt32LE(crc32(said), 12);
    head.writeUInt32LE(crc32(bytes), 16);
    const at = this.#end;
    try {
      await this.#file.appendFile(Buffer.concat([head, said, bytes]));
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(at).catch(() => undefined);
      throw error;
    }
    this.#end = at + HEAD_BYTES + said.length + bytes.length;
    return at + HEAD_BYTES + said.length;
  }

  /** Bytes of a record; fewer where the file ends before. @throws SyncError `STORE_CLOSED` */
  async read({ offset, length }: Place): Promise<Buffer> {
    this.check();
    return this.#readAt({ offset, length });
  }

  /** @throws SyncError `STORE_CLOSED` */
  check(): void {
    if (this.#isClosed) throw new SyncError('STORE_CLOSED', 'The store, or this view of it, is closed.');
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }

  async #headAt(at: number, size: number): Promise<Head | null> {
    if (at + HEAD_BYTES > size) return null;
    const head = await this.#readAt({ offset: at, length: HEAD_BYTES });
    if (!head.subarray(0, 4).equals(MARK)) return null;
    const text = { offset: at + HEAD_BYTES, length: head.readUInt32LE(4) };
    const bytes = { offset: text.offset + text.length, length: head.readUInt32LE(8) };
    const end = bytes.offset + bytes.length;
    if (end > size) return null;
    return { text, bytes, textCrc: head.readUInt32LE(12), bytesCrc: head.readUInt32LE(16), end };
  }

  /** Whether a whole record begins somewhere behind one that is not. */
  async #hasRecordAfter(from: number, size: number): Promise<boolean> {
    for (let start = from; start < size; start += WINDOW_BYTES) {
      const window = await this.#readAt({ offset: start, length: WINDOW_BYTES + MARK.length - 1 });
      for (let at = window.indexOf(MARK); at >= 0; at = window.indexOf(MARK, at + 1)) {
        const head = await this.#headAt(start + at, size);
        if (head !== null && crc32(await this.#readAt(head.text)) === head.textCrc) return true;
      }
    }
    return false;
  }

  async #readAt({ offset, length }: Place): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }
}
