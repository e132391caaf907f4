import { SingleBar } from 'cli-progress';
import { progressLine } from './progress-line.js';
import { clearLine, print } from './terminal.js';

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
/** Where a terminal does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** A progress bar on a terminal; lines now and then on one that has no cursor (`TERM=dumb`); nothing anywhere else. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  readonly #isPlain = process.env['TERM'] === 'dumb';
  #bar: SingleBar | null = null;
  #state: BarState = { value: 0, total: null, parts: [] };
  #plainMs = performance.now();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update(state: BarState): void {
    if (!this.#stream.isTTY) return;
    this.#state = state;
    if (this.#isPlain) this.#tellPlainly();
    else if (this.#bar === null) this.#start();
    else this.#bar.update(state.value, {});
  }

  /** Leaves the bar as it stands, on a line of its own. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  /** Makes room for a line of text; the bar is drawn again below it. */
  clearLine(): void {
    if (this.#bar !== null) clearLine(this.#stream);
  }

  #start(): void {
    const format = (): string => this.#line();
    const options = { format, stream: this.#stream, hideCursor: true, fps: 10 };
    this.#bar = new SingleBar(options);
    this.#bar.start(1, 0, {});
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
