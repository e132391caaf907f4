import type { DashboardDocument } from '../document.js';
import { base } from './dom.js';

/** A stream that is silent for so long is no stream: a node sends something each second. */
const MUTE_MS = 5_000;
const POLL_MS = 2_000;
/** A page that asks tries a stream again after this time. */
const RETRY_MS = 30_000;
/** An answer that takes longer is none. */
const ANSWER_MS = 5_000;

/** How news come. */
export type Way = 'stream' | 'poll';

/** Gets news of the node: by a stream and, where none comes through, by asking. */
export class Live {
  readonly #onNews: (document: DashboardDocument, way: Way) => void;
  readonly #onRefused: () => void;
  #source: EventSource | null = null;
  #heardMs = -Infinity;
  #triedMs = -Infinity;
  #isAsking = false;
  #stop = (): void => undefined;

  /** @param onRefused - called when this page may not ask any more, and does not. */
  constructor(onNews: (document: DashboardDocument, way: Way) => void, onRefused: () => void) {
    this.#onNews = onNews;
    this.#onRefused = onRefused;
  }

  start(): void {
    this.#stream();
    const timer = setInterval(() => {
      this.#look();
    }, POLL_MS);
    this.#stop = () => {
      clearInterval(timer);
      this.#source?.close();
    };
  }

  #stream(): void {
    this.#source?.close();
    this.#triedMs = performance.now();
    const source = new EventSource(`${base()}events`);
    source.onmessage = ({ data }: MessageEvent<string>) => {
      this.#heardMs = performance.now();
      this.#onNews(JSON.parse(data) as DashboardDocument, 'stream');
    };
    this.#source = source;
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#heardMs < MUTE_MS) return;
    if (now - this.#triedMs >= RETRY_MS) this.#stream();
    void this.#ask();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const response = await fetch(`${base()}state`, {
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      // Asked again, a browser would ask for a password again.
      if (response.status === 401 || response.status === 403) {
        this.#stop();
        this.#onRefused();
      }
      if (response.ok) this.#onNews((await response.json()) as DashboardDocument, 'poll');
    } catch {
      // What is missing shows by its age.
    } finally {
      this.#isAsking = false;
    }
  }
}
