import { seal } from '../../plugins/chain-sealed-json/index.js';
import type { BlockRef } from '../../src/contracts/index.js';
import type { Forgery } from './forgery.js';
import type { LieKind } from './kinds.js';
import type { Ledger } from './ledger.js';
import type { Random } from './random.js';

/** A height that nobody has a block at. */
const FAR_HEIGHT = 1e12;
/** How much further than the source the head is that a lure claims. */
const LURE_BLOCKS = 5_000;
const HEARTBEAT = ':\n\n';
const HEARTBEAT_MS = 15_000;

type Members = Record<string, unknown>;

/** One event of a stream, without the empty line at its end. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly text: string;
}

/** What a lie is made of. */
export interface LieDeps {
  readonly random: Random;
  readonly ledger: Ledger;
  /** The liar's own chain; `null` where it has none. */
  readonly forgery: Forgery | null;
}

/** What a liar makes of the answers of the server that it is. */
export class Lie {
  readonly kind: LieKind;
  readonly forgery: Forgery | null;
  /** How often it was told. */
  told = 0;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #far: string;
  /** The body of the tile that was sent last. */
  #tile: Buffer | null = null;

  constructor(kind: LieKind, { random, ledger, forgery }: LieDeps) {
    this.kind = kind;
    this.forgery = forgery;
    this.#random = random;
    this.#ledger = ledger;
    this.#far = random.hash();
  }

  /** The status document. */
  status(members: Members): Members {
    const changed = this.#status(members);
    if (changed !== members) this.told += 1;
    return changed;
  }

  /** Notes that an answer was served from a chain that is not the source's, if it was. */
  served(): void {
    if (this.forgery?.differs === true) this.told += 1;
  }

  #status(members: Members): Members {
    if (this.kind === 'far-head') return { ...members, head: this.#farHead() };
    if (this.kind === 'other-chain') return { ...members, chainId: this.#random.hash() };
    if (this.kind === 'flapping-head') return { ...members, head: this.#flapped(members['head']) };
    if (this.kind === 'split') return { ...members, head: refOf(this.#ledger.head) };
    if (this.kind === 'lure') return { ...members, head: this.#lureHead() };
    if (this.kind === 'other-genesis') return { ...members, chainId: this.#ledger.served.chain.chainId() };
    return members;
  }

  /** The answer to a request that names the client's newest block; `null` leaves it to the server. */
  forked(base: string): readonly { readonly height: number; readonly hash: string }[] | null {
    if (this.kind !== 'false-fork' || !this.#random.chance(0.5)) return null;
    this.told += 1;
    const genesis = { height: 0, hash: base };
    return this.#random.chance(0.5)
      ? [genesis]
      : [{ height: this.#random.int(1, 50), hash: this.#random.hash() }, genesis];
  }

  /** The documents that are sent in place of one. */
  documents(document: string): readonly string[] {
    const sent = this.#random.chance(0.2) ? this.#bent(document) : [document];
    if (sent.length !== 1 || sent[0] !== document) this.told += 1;
    return sent;
  }

  /** What is sent in place of a tile, or of the index of tiles. */
  file(path: string, bytes: Buffer): Buffer {
    const sent = this.#file(path, bytes);
    if (!sent.equals(bytes)) this.told += 1;
    return sent;
  }

  #file(path: string, bytes: Buffer): Buffer {
    if (path.endsWith('/index.ndjson')) return this.kind === 'bad-index' ? this.#falseIndex(bytes) : bytes;
    const other = this.#tile ?? bytes;
    this.#tile = bytes;
    if (this.kind === 'swapped-tiles' && this.#random.chance(0.5)) return other;
    if (this.kind === 'short-tile' && this.#random.chance(0.5))
      return bytes.subarray(0, this.#random.int(0, bytes.length - 1));
    return this.kind === 'bad-tile' && this.#random.chance(0.5) ? this.#damaged(bytes) : bytes;
  }

  #damaged(bytes: Buffer): Buffer {
    const damaged = Buffer.from(bytes);
    const at = this.#random.int(0, damaged.length - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << this.#random.int(0, 7));
    return damaged;
  }

  /** One of its lines is another one, or is not there. */
  #falseIndex(bytes: Buffer): Buffer {
    const lines = bytes.toString().split('\n').slice(0, -1);
    const at = this.#random.int(0, lines.length - 1);
    const entry = JSON.parse(lines[at] ?? '{}') as { readonly documentBytes: number };
    const changes = [
      { hash: this.#random.hash() },
      { documentBytes: entry.documentBytes + this.#random.pick([-1, 1]) },
      { bytes: 1 },
      null,
    ];
    const change = this.#random.pick(changes);
    lines.splice(at, 1, ...(change === null ? [] : [JSON.stringify({ ...entry, ...change })]));
    return Buffer.from(lines.map((line) => `${line}\n`).join(''));
  }

  #bent(document: string): readonly string[] {
    if (this.kind === 'bad-hash') return [document.replace(/"serial":"#/, '"serial":"!')];
    if (this.kind === 'broken-link') return [resealed(document, 0, this.#random.hash())];
    if (this.kind === 'wrong-height') return [resealed(document, this.#random.pick([-1, 1, 1000]), null)];
    if (this.kind === 'duplicates') return [document, document];
    if (this.kind === 'skips') return [];
    if (this.kind === 'garbage') return [this.#random.hash().repeat(3)];
    return [document];
  }

  /** A stream of events. @throws Error when the liar drops the line. */
  async *events(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const event of eventsOf(body)) {
      if (this.#stallsAt(event)) break;
      if (this.#dropsAt(event)) throw new Error('the liar drops the line');
      yield Buffer.from(this.#eventText(event));
      if (this.kind === 'withhold' && event.type === 'complete') break;
      if (!this.#goesBackAt(event)) continue;
      yield Buffer.from(this.#bareRollback());
      yield* this.#holdBack(signal);
    }
    if (this.kind === 'stall' || this.kind === 'withhold') yield* this.#holdBack(signal);
  }

  /** Here is who holds back the rest, or the body has ended. */
  async *#holdBack(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (!signal.aborted) this.told += 1;
    while (!signal.aborted) {
      await pause(HEARTBEAT_MS, signal);
      yield Buffer.from(HEARTBEAT);
    }
  }

  #goesBackAt({ type }: StreamEvent): boolean {
    if (this.kind !== 'bare-rollback') return false;
    return this.#random.chance(type === 'complete' ? 0.5 : 0.1);
  }

  /** To a block of the source's: mostly a recent one. */
  #bareRollback(): string {
    const { branch } = this.#ledger.served;
    const depth = this.#random.chance(0.5) ? this.#random.int(1, 5) : this.#random.int(1, branch.length);
    const block = branch[Math.max(0, branch.length - 1 - depth)];
    if (block === undefined) return HEARTBEAT;
    return rollbackText(block);
  }

  /** It has sent what it has, which is less than it claimed. */
  #dropsAt({ type }: StreamEvent): boolean {
    if (this.kind !== 'lure' || type !== 'complete' || !this.#random.chance(0.7)) return false;
    this.told += 1;
    return true;
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
    this.told += 1;
    return rollbackText({ height: this.#random.int(0, 100), hash: this.#random.hash() });
  }

  #farHead(): object {
    return { height: FAR_HEIGHT, hash: this.#random.hash() };
  }

  /** Further than all others, and always the same. */
  #lureHead(): BlockRef {
    return { height: this.#ledger.highest + LURE_BLOCKS, hash: this.#far };
  }

  #flapped(head: unknown): unknown {
    const { height, hash } = (head ?? {}) as { readonly height?: number | null; readonly hash?: string };
    if (typeof height !== 'number' || this.#random.chance(0.3)) return head;
    const other = Math.max(0, height + this.#random.int(-20, 5));
    return { height: other, hash: other === height ? hash : this.#random.hash() };
  }
}

function refOf(block: BlockRef | null): BlockRef | null {
  return block === null ? null : { height: block.height, hash: block.hash };
}

function rollbackText({ height, hash }: BlockRef): string {
  return `event: rollback\nid: ${height}\ndata: ${JSON.stringify({ height, hash })}\n\n`;
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
  // Below the first block there is nothing: there it goes up in place of down.
  const place = { height: height + by < 1 ? height + 1 : height + by, previousHash: parent ?? previousHash };
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
