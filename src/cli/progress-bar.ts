import { progressLine } from './progress-line.js';
import { clearLine, endLine, print, redrawLine } from './terminal.js';

/** What the bar shows. */
export interface BarState {
  readonly value: number;
  /** `null` while the end isn't known: figures without a bar. */
  readonly total: number | null;
  /** Figures, the one that is to be seen on the narrowest terminal first. */
  readonly parts: readonly string[];
}

/** A terminal that obeys nothing gets a line of its own so often, in milliseconds. */
const PLAIN_EVERY_MS = 10_000;
/** A bar is drawn no more often, in milliseconds. */
const DRAWN_EVERY_MS = 100;
/** Where a terminal does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** A progress bar on a terminal; lines now and then on one that has no cursor (`TERM=dumb`); nothing anywhere else. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  readonly #isPlain = process.env['TERM'] === 'dumb';
  /** Until the next drawing; `null` while there is no bar. */
  #timer: NodeJS.Timeout | null = null;
  #state: BarState = { value: 0, total: null, parts: [] };
  #plainMs = performance.now();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update(state: BarState): void {
    if (!this.#stream.isTTY) return;
    this.#state = state;
    if (this.#isPlain) this.#tellPlainly();
    else if (this.#timer === null) this.#start();
  }

  /** Leaves the bar as it stands, on a line of its own. */
  stop(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#draw();
    endLine(this.#stream);
  }

  /** Makes room for a line of text; the bar is drawn again below it. */
  clearLine(): void {
    if (this.#timer !== null) clearLine(this.#stream);
  }

  #start(): void {
    this.#draw();
    this.#timer = setInterval(() => {
      this.#draw();
    }, DRAWN_EVERY_MS).unref();
  }

  #draw(): void {
    redrawLine(this.#stream, this.#line());
  }

  #tellPlainly(): void {
    const now = performance.now();
    if (now - this.#plainMs < PLAIN_EVERY_MS) return;
    this.#plainMs = now;
    print(this.#stream, this.#line());
  }

  /** A terminal may have been made wider or narrower since the last one. */
  #line(): string {
    const { value, total, parts } = this.#state;
    const share = total === null ? null : total === 0 ? 1 : value / total;
    return progressLine(share, parts, this.#stream.columns || DEFAULT_COLUMNS);
  }
}
