import { seal } from '../../plugins/chain-sealed-json/index.js';
import type { Random } from './random.js';

/** The ways in which a peer lies. */
export const LIES = [
  'bad-hash',
  'broken-link',
  'wrong-height',
  'far-head',
  'flapping-head',
  'foreign-rollback',
  'other-chain',
  'duplicates',
  'skips',
  'false-fork',
  'garbage',
  'stall',
  'withhold',
] as const;

export type LieKind = (typeof LIES)[number];

/** A height that nobody has a block at. */
const FAR_HEIGHT = 1e12;
const HEARTBEAT = ':\n\n';
const HEARTBEAT_MS = 15_000;

type Members = Record<string, unknown>;

/** One event of a stream, without the empty line at its end. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly text: string;
}

/** What a liar makes of the honest answers of the server that it is. */
export class Lie {
  readonly kind: LieKind;
  readonly #random: Random;

  constructor(kind: LieKind, random: Random) {
    this.kind = kind;
    this.#random = random;
  }

  /** The status document. */
  status(members: Members): Members {
    if (this.kind === 'far-head') return { ...members, head: this.#farHead() };
    if (this.kind === 'other-chain') return { ...members, chainId: this.#random.hash() };
    if (this.kind === 'flapping-head') return { ...members, head: this.#flapped(members['head']) };
    return members;
  }

  /** The answer to a request that names the client's newest block; `null` leaves it to the server. */
  forked(base: string): readonly { readonly height: number; readonly hash: string }[] | null {
    if (this.kind !== 'false-fork' || !this.#random.chance(0.5)) return null;
    const genesis = { height: 0, hash: base };
    return this.#random.chance(0.5)
      ? [genesis]
      : [{ height: this.#random.int(1, 50), hash: this.#random.hash() }, genesis];
  }

  /** The documents that are sent in place of one. */
  documents(document: string): readonly string[] {
    if (!this.#random.chance(0.2)) return [document];
    if (this.kind === 'bad-hash') return [document.replace(/"serial":"#/, '"serial":"!')];
    if (this.kind === 'broken-link') return [resealed(document, 0, this.#random.hash())];
    if (this.kind === 'wrong-height') return [resealed(document, this.#random.pick([-1, 1, 1000]), null)];
    if (this.kind === 'duplicates') return [document, document];
    if (this.kind === 'skips') return [];
    if (this.kind === 'garbage') return [this.#random.hash().repeat(3)];
    return [document];
  }

  /** A stream of events. */
  async *events(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const event of eventsOf(body)) {
      if (this.#stallsAt(event)) break;
      yield Buffer.from(this.#eventText(event));
      if (this.kind === 'withhold' && event.type === 'complete') break;
    }
    // Here is who holds back the rest, or the body has ended.
    while ((this.kind === 'stall' || this.kind === 'withhold') && !signal.aborted) {
      await pause(HEARTBEAT_MS, signal);
      yield Buffer.from(HEARTBEAT);
    }
  }

  #stallsAt({ type }: StreamEvent): boolean {
    if (this.kind !== 'stall') return false;
    return type === 'complete' || (type === 'block' && this.#random.chance(0.1));
  }

  #eventText(event: StreamEvent): string {
    if (event.type === 'block') return this.#blockText(event) + this.#extra();
    if (event.type !== 'complete') return event.text;
    return this.#completeText(event) + this.#extra();
  }

  #blockText({ data, text }: StreamEvent): string {
    const documents = this.documents(data);
    if (documents.length === 1 && documents[0] === data) return text;
    const id = /"height":(\d+)/.exec(data)?.[1] ?? '0';
    return documents.map((document) => `event: block\nid: ${id}\ndata: ${document}\n\n`).join('');
  }

  #completeText({ data, text }: StreamEvent): string {
    if (this.kind === 'far-head')
      return `event: complete\ndata: ${JSON.stringify({ height: FAR_HEIGHT, hash: this.#random.hash() })}\n\n`;
    if (this.kind !== 'flapping-head') return text;
    return `event: complete\ndata: ${JSON.stringify(this.#flapped(JSON.parse(data)))}\n\n`;
  }

  /** A rollback to a block that nobody has. */
  #extra(): string {
    if (this.kind !== 'foreign-rollback' || !this.#random.chance(0.1)) return '';
    const height = this.#random.int(0, 100);
    return `event: rollback\nid: ${height}\ndata: ${JSON.stringify({ height, hash: this.#random.hash() })}\n\n`;
  }

  #farHead(): object {
    return { height: FAR_HEIGHT, hash: this.#random.hash() };
  }

  #flapped(head: unknown): unknown {
    const { height, hash } = (head ?? {}) as { readonly height?: number | null; readonly hash?: string };
    if (typeof height !== 'number' || this.#random.chance(0.3)) return head;
    const other = Math.max(0, height + this.#random.int(-20, 5));
    return { height: other, hash: other === height ? hash : this.#random.hash() };
  }
}

/** Splits a stream into its events. */
async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + Buffer.from(chunk).toString()).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const type = /^event: (.*)$/m.exec(part)?.[1] ?? 'comment';
      const data = /^data: (.*)$/m.exec(part)?.[1] ?? '';
      yield { type, data, text: `${part}\n\n` };
    }
  }
}

/** The same payload at another place, under a hash that fits. */
function resealed(document: string, by: number, parent: string | null): string {
  const { height, previousHash, text } = JSON.parse(document) as {
    readonly height: number;
    readonly previousHash: string;
    readonly text: string;
  };
  const place = { height: Math.max(1, height + by), previousHash: parent ?? previousHash };
  if (/^0+$/.test(place.previousHash)) return document;
  return Buffer.from(seal(Buffer.from(JSON.stringify({ text })), place).document).toString();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
