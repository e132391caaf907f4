import { Presets, SingleBar } from 'cli-progress';
import { printable } from '../errors/printable.js';
import { clearLine } from './terminal.js';

/** What the bar shows. */
export interface BarState {
  readonly value: number;
  /** `null` while the end isn't known: figures without a bar. */
  readonly total: number | null;
  readonly text: string;
}

/** A progress bar on a terminal; nothing anywhere else. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | null = null;
  #hasTotal = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update({ value, total, text: given }: BarState): void {
    if (!this.#stream.isTTY) return;
    const text = printable(given);
    if (this.#bar === null || this.#hasTotal !== (total !== null)) this.#start(value, total, text);
    this.#bar?.setTotal(total ?? 1);
    this.#bar?.update(total === null ? 0 : value, { text });
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

  #start(value: number, total: number | null, text: string): void {
    this.stop();
    this.#hasTotal = total !== null;
    const format = this.#hasTotal ? '  {bar} {percentage}%  {text}' : '  {text}';
    const options = { format, stream: this.#stream, barsize: 30, hideCursor: true, fps: 10 };
    this.#bar = new SingleBar({ ...options, emptyOnZero: true }, Presets.shades_classic);
    this.#bar.start(total ?? 1, total === null ? 0 : value, { text });
  }
}
