import type { BlockRef } from '../../src/contracts/index.js';
import type { SyncEngineConfig } from '../../src/index.js';
import { type LieKind, LIES, mayWin, needsTiles, OWN_CHAIN, saysYes } from './kinds.js';
import { SOURCE_KEYS } from './authors.js';
import type { Random } from './random.js';

/** What a client may be configured with against liars. */
export const GUARDS = ['pins', 'agree', 'producers'] as const;

export type Guard = (typeof GUARDS)[number];

/** Where the liars stand in the list of peers, of which the first is asked first. */
export type Place = 'mixed' | 'first' | 'last' | 'alone';

/** What a world is: who lies, and what the client was told to hold against it. */
export interface Terms {
  readonly place: Place;
  /** One for each peer; `null` is an honest one. */
  readonly lies: readonly (LieKind | null)[];
  /** The honest peer that the client can always come back to; `null` when there is none. */
  readonly anchor: number | null;
  /** Whether liars of one kind have one branch together. */
  readonly together: boolean;
  /** How many peers have to confirm a block; 1 trusts each. */
  readonly agree: number;
  /** Height of a block that the client knows; `null` for none. */
  readonly pin: number | null;
  /** Whether the branches of liars leave the source's below that block. */
  readonly below: boolean;
  /** Whether only blocks of the source's producer count. */
  readonly producers: boolean;
  /** Whether the source ends shorter than it was. */
  readonly truncates: boolean;
  /** Whether the source has so many blocks from the beginning that most are in tiles, which the client may take. */
  readonly tiled: boolean;
}

/** What terms are drawn from. */
export interface TermsOptions {
  readonly lies?: readonly LieKind[] | undefined;
  readonly guards?: readonly Guard[] | undefined;
  /** Terms that are not left to chance. */
  readonly fixed?: Partial<Terms> | undefined;
}

const MAX_PEERS = 4;
const LIAR_SHARE = 0.4;
const PLACES: readonly Place[] = [
  ...['mixed', 'mixed', 'mixed', 'mixed', 'mixed', 'mixed'].map(() => 'mixed' as const),
  ...['first', 'first', 'last', 'alone'].map((place) => place as Place),
];
/** The source has so many blocks at least when a world begins. */
export const MAX_PIN = 10;

/** Draws who lies and what the client holds against it. */
export function drawTerms(random: Random, { lies = LIES, guards = GUARDS, fixed = {} }: TermsOptions): Terms {
  const place = fixed.place ?? (lies.length === 0 ? 'mixed' : random.pick(PLACES));
  const peers = drawPeers(random, place, lies);
  return {
    place,
    ...peers,
    together: random.chance(0.5),
    agree: guards.includes('agree') ? drawAgree(random, { ...peers, ...fixed }) : 1,
    pin: guards.includes('pins') && random.chance(0.3) ? random.int(0, MAX_PIN) : null,
    below: random.chance(0.7),
    producers: guards.includes('producers') && random.chance(0.3),
    truncates: random.chance(0.15),
    tiled: drawTiled(random, peers),
    ...fixed,
  };
}

function drawTiled(random: Random, { lies }: Pick<Terms, 'lies'>): boolean {
  return lies.some((lie) => lie !== null && needsTiles(lie)) || random.chance(0.3);
}

/** No more than there are honest peers to confirm a block. */
function drawAgree(random: Random, { lies }: Pick<Terms, 'lies'>): number {
  return random.int(1, Math.max(1, Math.min(3, lies.filter((lie) => lie === null).length)));
}

function drawPeers(random: Random, place: Place, lies: readonly LieKind[]): Pick<Terms, 'lies' | 'anchor'> {
  const draw = (): LieKind => drawLie(random, lies);
  if (place === 'alone') return { lies: [draw()], anchor: null };
  const count = random.int(place === 'mixed' ? 1 : 2, MAX_PEERS);
  const liar = place === 'mixed' ? null : place === 'first' ? 0 : count - 1;
  const honest = Array.from({ length: count }, (_each, at) => at).filter((at) => at !== liar);
  const anchor = random.pick(honest);
  const drawn = Array.from({ length: count }, (_each, at) => {
    if (at === anchor) return null;
    return lies.length > 0 && (at === liar || random.chance(LIAR_SHARE)) ? draw() : null;
  });
  return { lies: drawn, anchor };
}

/** A chain of its own makes a liar that much harder to see that it is drawn more often. */
function drawLie(random: Random, lies: readonly LieKind[]): LieKind {
  const own = lies.filter((lie) => OWN_CHAIN.some((kind) => kind === lie));
  return random.pick(own.length > 0 && random.chance(0.5) ? own : lies);
}

/** The options that the client is given. */
export function guarded({ agree, producers }: Terms, pin: BlockRef | null): Partial<SyncEngineConfig> {
  return {
    agree,
    checkpoints: pin === null ? [] : [pin],
    producers: producers ? [{ from: 0, keys: SOURCE_KEYS }] : [],
  };
}

/** How many liars at most confirm the same false block: those on one branch, and those that say yes to whatever is asked. */
export function mostTogether({ lies, together }: Terms): number {
  const sayYes = lies.filter((lie) => lie !== null && saysYes(lie));
  const counts = OWN_CHAIN.map((kind) => {
    const same = lies.filter((lie) => lie === kind).length;
    const others = sayYes.filter((lie) => lie !== kind).length;
    return same === 0 ? 0 : others + (together || saysYes(kind) ? same : 1);
  });
  return Math.max(0, ...counts);
}

/** Whether the client may end on a branch that is not the source's: too many lie, and nothing that it knows forbids it. */
export function mayEndElsewhere(terms: Terms): boolean {
  const isPinned = terms.pin !== null && terms.pin > 0 && terms.below;
  if (isPinned || terms.producers || mostTogether(terms) < terms.agree) return false;
  return terms.lies.some((lie) => lie !== null && mayWin(lie));
}
