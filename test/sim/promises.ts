import type { BlockHeader, BlockRef } from '../../src/contracts/index.js';
import type { PeerEvent, RollbackEvent, SyncEvent } from '../../src/index.js';
import type { Mint } from './mint.js';
import { mostTogether, type Terms } from './terms.js';

/**
 * What a client promises, whoever lies and whatever breaks. A failure of a schedule begins with the name of the promise
 * that was broken.
 *
 * "Told" is what `block` and `rollback` events say, "handed on" is what the handler of `run` gets. A liar's branch *may win*
 * when its blocks are valid and it is always as long as the source's (`mayWin`).
 */
export const PROMISES = {
  made: 'Each block that is told, handed on or stored was made by the source, or by a liar whose blocks are valid.',
  order:
    'Told blocks come parent before child, none left out or twice; a rollback drops the newest ones that were told, newest first.',
  handed:
    'The handler gets the same in the same order, and is told of no rollback of blocks that it never had; at the end it has had what is confirmed.',
  kept: 'A block that was told is in the store, after each restart and at the end, unless a rollback was told of it.',
  pins: 'At the height of a pin no other block is told, handed on or stored, and no rollback goes below it, whoever serves what.',
  longest:
    'Blocks give way to a branch only when it ends at least as high, or when two peers or more (with `agree` N: N) have named one of its blocks as their head, or confirmed it; before that the client is not `synced` again.',
  claims: 'With one peer, the client is not `synced` while that peer claims a higher head than it has sent.',
  blamed: 'No honest peer is dropped as one that sent something false.',
  confirmed: 'With `agree` N, and fewer than N liars on one branch, no block of a liar is told or handed on.',
  producers:
    "With `producers`, no block is told, handed on or stored that the source's producer did not make.",
  // With `agree` above 1 it need not stay `synced`: a liar that claims more is heard, and not believed.
  end: "With one honest peer at least (with `agree` N: N), the client ends `synced` on the source's head, byte for byte; or on a liar's branch that may win, at least as high, when N liars or more are on it, and neither a pin nor `producers` forbids it.",
  alone:
    'With a liar as the only peer, the client ends `synced` where that peer really is when its branch may win, is a prefix or lags; else it only keeps the other promises.',
  shorter:
    'Where the source ends shorter than it was, the client keeps the longer branch; and says so (`rollback-held`) when all peers are honest and it is connected at that moment.',
  tidy: 'After `close` no stream, body, request, listener or timer is left.',
} as const;

export type PromiseName = keyof typeof PROMISES;

/** A failure as a schedule tells it. */
export function broken(name: PromiseName, text: string): string {
  return `${name}: ${text}`;
}

/** What promises about single events are judged by. */
export interface WatchDeps {
  readonly terms: Terms;
  readonly mint: Mint;
  /** The block that the client knows; `null` for none. */
  readonly pin: BlockRef | null;
  /** Peers that do not lie. */
  readonly honest: ReadonlySet<string>;
  /** How many peers have named a block as their head. */
  readonly namedBy: (hash: string) => number;
}

/** Watches the events of a client for a broken promise. */
export class Watch {
  /** What was broken, the first of each only. */
  readonly failures: string[] = [];
  /** Kept branches that the client has told of. */
  held = 0;
  readonly #deps: WatchDeps;
  /** What was dropped ended here, and nothing as high has come yet; `null` when nothing is owed. */
  #owed: number | null = null;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  /** An event was told. */
  event(event: SyncEvent): void {
    if (event.type === 'block') this.#block(event.header);
    if (event.type === 'rollback') this.#rollback(event);
    if (event.type === 'rollback-held') this.held += 1;
    if (event.type === 'peer') this.#peer(event);
    if (event.type === 'phase' && event.phase === 'synced') this.settle('it is synced');
  }

  /** Blocks were found in the store by a process that was started anew after a crash. */
  found(headers: readonly BlockHeader[]): void {
    for (const header of headers) this.#block(header);
  }

  /** A block was told or handed on. */
  block(block: BlockRef): void {
    this.stored(block);
    const { mint, terms } = this.#deps;
    const isTooFew = terms.agree > 1 && mostTogether(terms) < terms.agree;
    if (isTooFew && mint.makerOf(block.hash) === 'liar')
      this.#fail('confirmed', `block ${block.height} of a liar was told or handed on`);
  }

  /** A block is in the store. */
  stored({ height, hash }: BlockRef): void {
    const { mint, pin, terms } = this.#deps;
    const maker = mint.makerOf(hash);
    if (maker === null) this.#fail('made', `block ${height} ${hash} was made by nobody`);
    if (pin !== null && height === pin.height && hash !== pin.hash)
      this.#fail('pins', `block ${height} ${hash} is not the one that is pinned`);
    if (maker === 'liar' && terms.producers)
      this.#fail('producers', `block ${height} has no signature of a producer`);
  }

  /** Blocks that were dropped have to be outgrown by now. */
  settle(when: string): void {
    if (this.#owed === null) return;
    this.#fail('longest', `${when}, and nothing has replaced blocks up to ${this.#owed}`);
    this.#owed = null;
  }

  #peer({ peer, status, error }: PeerEvent): void {
    const isBlamed = status === 'dropped' && error?.info.provesLie === true;
    if (isBlamed && this.#deps.honest.has(new URL(peer).origin))
      this.#fail('blamed', `${peer} was dropped: ${error.code} ${error.message}`);
  }

  #block(header: BlockHeader): void {
    this.block(header);
    if (this.#owed === null) return;
    if (header.height >= this.#owed || this.#isNamed(header)) this.#owed = null;
  }

  #rollback({ to, dropped }: RollbackEvent): void {
    const { pin } = this.#deps;
    const top = dropped[0]?.height ?? to.height;
    if (pin !== null && to.height < pin.height && top >= pin.height)
      this.#fail('pins', `a rollback went down to block ${to.height}`);
    this.settle('it goes further back');
    this.#owed = this.#isNamed(to) ? null : top;
  }

  #isNamed({ hash }: BlockRef): boolean {
    const { namedBy, terms } = this.#deps;
    return namedBy(hash) >= Math.max(2, terms.agree);
  }

  #fail(name: PromiseName, text: string): void {
    if (this.failures.some((failure) => failure.startsWith(`${name}:`))) return;
    this.failures.push(broken(name, text));
  }
}
