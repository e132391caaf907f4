import type { Sample } from '../document.js';
import { make, makeSvg, setText } from './dom.js';
import { byteParts, duration, rate } from './format.js';

const KEPT = 300;
const WIDTH = 300;
const HEIGHT = 100;
/** A second alone is a jumpy figure. */
const AVERAGED = 5;
/** How often what is said to a screen reader of a curve is renewed. */
const LABEL_MS = 15_000;

/** The samples that a page has seen, in order and without gaps in their numbers where it can. */
export class History {
  readonly #byNumber = new Map<number, Sample>();

  /** Takes samples in; those of a node that was started anew take the place of all before. */
  add(samples: readonly Sample[]): void {
    const last = samples.at(-1);
    const known = last === undefined ? undefined : this.#byNumber.get(last[0]);
    const isNew = known !== undefined && last !== undefined && known[1] !== last[1];
    if (isNew || (last !== undefined && last[0] < this.#newest)) this.#byNumber.clear();
    for (const sample of samples) this.#byNumber.set(sample[0], sample);
    const oldest = this.#newest - KEPT;
    for (const number of this.#byNumber.keys()) if (number <= oldest) this.#byNumber.delete(number);
  }

  /** One value for each of the last seconds, oldest first; `null` where it was not seen. */
  values(index: 2 | 3): readonly (number | null)[] {
    const newest = this.#newest;
    return Array.from(
      { length: KEPT },
      (_, place) => this.#byNumber.get(newest - KEPT + 1 + place)?.[index] ?? null,
    );
  }

  get #newest(): number {
    return Math.max(0, ...this.#byNumber.keys());
  }
}

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

  draw(values: readonly (number | null)[]): void {
    const recent = values.slice(-AVERAGED).filter((value) => value !== null);
    const now = recent.length === 0 ? 0 : recent.reduce((sum, value) => sum + value, 0) / recent.length;
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    const [number, unit] = this.#write(now);
    setText(this.#now, number);
    setText(this.#unit, unit);
    const scale = scaleOf(values);
    setText(this.#most, `${scale < most ? 'most, off the scale: ' : 'most '}${this.#write(most).join(' ')}`);
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

/** The value at the top of a curve: not that of a few seconds which would flatten all others. */
export function scaleOf(values: readonly (number | null)[]): number {
  const seen = values.filter((value) => value !== null).sort((a, b) => a - b);
  const most = seen.at(-1) ?? 0;
  const usual = seen[Math.floor(seen.length * 0.9)] ?? 0;
  return usual === 0 ? most : Math.min(most, usual * 3);
}

/** The paths of a curve: one piece for each run of seconds that were seen. */
export function pathsOf(
  values: readonly (number | null)[],
  scale: number,
): { readonly line: string; readonly area: string } {
  const unit = (HEIGHT - 4) / (scale === 0 ? 1 : scale);
  let line = '';
  let area = '';
  let start: number | null = null;
  values.forEach((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    if (value !== null) {
      const y = Math.max(0, HEIGHT - value * unit);
      line += `${start === null ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      area += `${start === null ? `M${x.toFixed(1)} ${HEIGHT}L` : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      start ??= x;
    }
    const isEnd = value === null || index === values.length - 1;
    if (isEnd && start !== null) {
      const last = value === null ? ((index - 1) / (values.length - 1)) * WIDTH : x;
      area += `L${last.toFixed(1)} ${HEIGHT}Z`;
      start = null;
    }
  });
  return { line, area };
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
