import type { IncomingMessage } from 'node:http';

/** What of a body came and was not sent on. */
export class Held {
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(answer: IncomingMessage, onMore: (length: number) => void = () => undefined) {
    answer.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      onMore(this.#length);
    });
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return bytes;
  }
}
