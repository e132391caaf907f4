import type { Sample } from '../document.js';
import { make, makeSvg, setText } from './dom.js';
import { HEIGHT, History, KEPT, pathsOf, scaleOf, smoothed, WIDTH } from './curve.js';
import { byteParts, duration, rate } from './format.js';

/** A second alone is a jumpy figure. */
const AVERAGED = 5;
/** How often what is said to a screen reader of a curve is renewed. */
const LABEL_MS = 15_000;

/** How a rate is written: a number and a unit. */
type Writer = (value: number) => readonly [number: string, unit: string];

class Chart {
  readonly element: HTMLElement;
  readonly #title: string;
  readonly #write: Writer;
  readonly #now = make('span');
  readonly #unit = make('span', { class: 'unit' });
  readonly #most = make('span');
  readonly #area = makeSvg('path', { class: 'area' });
  readonly #line = makeSvg('path', { class: 'line' });
  readonly #svg = makeSvg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
  });
  #labelledMs = -Infinity;

  constructor(title: string, write: Writer) {
    this.#title = title;
    this.#write = write;
    const ground = makeSvg('line', {
      class: 'ground',
      x1: '0',
      x2: String(WIDTH),
      y1: String(HEIGHT),
      y2: String(HEIGHT),
    });
    this.#svg.append(this.#area, ground, this.#line);
    this.element = make('div', { class: 'chart' }, [
      make('p', { class: 'now' }, [this.#now, this.#unit]),
      this.#svg,
      make('p', { class: 'axis' }, [make('span', {}, ['5 min ago']), this.#most, make('span', {}, ['now'])]),
    ]);
  }

  draw(seconds: readonly (number | null)[]): void {
    const values = smoothed(seconds);
    const recent = seconds.slice(-AVERAGED).filter((value) => value !== null);
    const now = recent.length === 0 ? 0 : recent.reduce((sum, value) => sum + value, 0) / recent.length;
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    const [number, unit] = this.#write(now);
    setText(this.#now, number);
    setText(this.#unit, unit);
    const scale = scaleOf(values);
    setText(this.#most, `${scale < most ? 'off the scale: ' : 'most '}${this.#write(most).join(' ')}`);
    const { line, area } = pathsOf(values, scale);
    this.#line.setAttribute('d', line);
    this.#area.setAttribute('d', area);
    this.#label(
      `${this.#title}, ${duration(KEPT * 1000)}: now ${number} ${unit}, most ${this.#write(most).join(' ')}`,
    );
  }

  #label(text: string): void {
    if (performance.now() - this.#labelledMs < LABEL_MS) return;
    this.#labelledMs = performance.now();
    this.#svg.setAttribute('aria-label', text);
  }
}

/** The curves of blocks and bytes a second. */
export class Charts {
  readonly #history = new History();
  readonly #blocks = new Chart('Blocks a second', (value) => [rate(value), 'blocks/s']);
  readonly #bytes = new Chart('Bytes a second', (value) => {
    const [number, unit] = byteParts(value);
    return [number, `${unit}/s`];
  });

  constructor(place: HTMLElement) {
    place.append(this.#blocks.element, this.#bytes.element);
  }

  draw(samples: readonly Sample[]): void {
    this.#history.add(samples);
    this.#blocks.draw(this.#history.values(2));
    this.#bytes.draw(this.#history.values(3));
  }
}
