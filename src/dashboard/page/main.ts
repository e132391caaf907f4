import type { DashboardDocument } from '../document.js';
import { Bars } from './bars.js';
import { Charts } from './charts.js';
import { byId, codeLink, setText, show, Slot } from './dom.js';
import { forkText, Forks } from './forks.js';
import { clock, counted, duration, grouped, shortHash } from './format.js';
import { Holdings } from './holdings.js';
import { Inspector } from './inspector.js';
import { Live, type Way } from './live.js';
import { Peers } from './peers.js';

/** News this old are no news. */
const GONE_MS = 6_000;

const PHASES: Readonly<Record<DashboardDocument['phase'], string>> = {
  idle: 'Not started',
  opening: 'Opening its store',
  standby: 'Standing by while another process writes the store',
  connecting: 'Asking a peer',
  importing: 'Taking a snapshot',
  syncing: 'Catching up',
  waiting: 'Waiting for a peer to answer',
  synced: 'Following',
  failed: 'Failed',
  closed: 'Closed',
  serving: 'Serving',
};

/** The page: what is shown of the newest document, and what is said when none comes. */
class Dashboard {
  readonly #bars = new Bars(byId('bars'));
  readonly #charts = new Charts(byId('charts'));
  readonly #peers = new Peers();
  readonly #forks = new Forks();
  readonly #holdings = new Holdings();
  readonly #fault = new Slot('fault');
  #document: DashboardDocument | null = null;
  #seenMs = -Infinity;
  #seenAt = 0;
  #way: Way = 'stream';
  #isGone = false;
  #isRefused = false;

  start(): void {
    new Inspector({
      chain: () => this.#document?.chain ?? null,
      head: () => this.#document?.here?.height ?? null,
    });
    new Live(
      (document, way) => {
        this.#news(document, way);
      },
      () => {
        this.#isRefused = true;
        this.#look();
      },
    ).start();
    setInterval(() => {
      this.#look();
    }, 1_000);
  }

  #news(document: DashboardDocument, way: Way): void {
    const before = this.#document;
    this.#document = document;
    this.#seenMs = performance.now();
    this.#seenAt = Date.now();
    this.#way = way;
    this.#hero(document);
    this.#bars.draw(document);
    this.#charts.draw(document.samples);
    this.#peers.draw(document);
    this.#forks.draw(document);
    this.#holdings.draw(document);
    if (before !== null) announce(before, document);
    this.#look();
  }

  #hero(document: DashboardDocument): void {
    const { here, chain, chainId, error } = document;
    setText(byId('height'), here === null ? '–' : grouped(here.height));
    setText(byId('lead'), leadText(document));
    const names = [chain, chainId === null ? null : shortHash(chainId)];
    setText(byId('chain'), names.filter((part) => part !== null).join(' · '));
    byId('chain').title = chainId ?? '';
    show(byId('fault'), error !== null);
    this.#fault.fill(JSON.stringify(error), () =>
      error === null ? [] : [codeLink(error.code), ` ${error.message}`],
    );
  }

  /** Says how old the news are. */
  #look(): void {
    if (this.#document === null) return;
    const ageMs = performance.now() - this.#seenMs;
    const isGone = ageMs > GONE_MS || this.#isRefused;
    const { phase } = this.#document;
    document.documentElement.classList.toggle('is-gone', isGone);
    document.title = `${isGone ? 'Last known: ' : ''}${this.#document.here?.height ?? '–'} · blockferry`;
    setText(byId('link-text'), isGone ? 'No news' : linkText(phase, this.#way));
    const since = clock(this.#seenAt);
    show(byId('gone'), isGone);
    setText(byId('gone'), this.#isRefused ? refusedText(since) : goneText(since, ageMs));
    setText(byId('seen'), `Last news at ${since}`);
    if (isGone !== this.#isGone)
      say(isGone ? `No news since ${since}. The page shows the last known state.` : 'News come again.');
    this.#isGone = isGone;
  }
}

function goneText(since: string, ageMs: number): string {
  return `This node has not been heard of since ${since}, ${duration(ageMs)} ago. Everything below is its last known state.`;
}

function refusedText(since: string): string {
  return `This page may not read this node any more: reload it to sign in. Everything below is the state of ${since}.`;
}

function linkText(phase: DashboardDocument['phase'], way: Way): string {
  return way === 'stream' ? PHASES[phase] : `${PHASES[phase]}, asked every two seconds`;
}

function leadText(document: DashboardDocument): string {
  const { phase, here, top } = document;
  if (phase === 'serving')
    return here === null ? 'No block yet.' : 'The newest block here. This node follows nobody.';
  if (top === null) return `${PHASES[phase]}. No head is known yet.`;
  const old = document.stale ? ' The newest block is older than it should be.' : '';
  return `${PHASES[phase]}. ${claimText(document, top - (here?.height ?? -1))}${old}`;
}

/** How far the node is behind what peers claim. */
function claimText({ isClaim, top, etaMs }: DashboardDocument, left: number): string {
  if (!isClaim || top === null) return 'No peer claims a higher block.';
  const eta = etaMs === null || etaMs < 1_000 ? '' : `, about ${duration(etaMs)} to go`;
  return `Peers claim ${grouped(top)}: ${counted(left, 'block')} behind${eta}.`;
}

/** Tells a screen reader what is worth it: not every number. */
function announce(before: DashboardDocument, after: DashboardDocument): void {
  if (before.phase !== after.phase) say(`${PHASES[after.phase]}.`);
  const [fork] = after.forks;
  if (fork !== undefined && fork.at !== before.forks[0]?.at) say(`${forkText(fork)}.`);
  for (const { url, why } of newlyDropped(before, after)) say(`${url} was dropped: ${why?.code ?? ''}.`);
}

function newlyDropped(before: DashboardDocument, after: DashboardDocument): DashboardDocument['peers'] {
  const gone = new Set(before.peers.filter(({ state }) => state === 'dropped').map(({ url }) => url));
  return after.peers.filter(({ url, state }) => state === 'dropped' && !gone.has(url));
}

function say(text: string): void {
  setText(byId('live'), text);
}

new Dashboard().start();
