import type { DashboardDocument } from '../document.js';
import { barsOf } from './bar-figures.js';
import { make, setText, show } from './dom.js';

interface Row {
  readonly value: HTMLElement;
  readonly share: HTMLElement;
  readonly says: HTMLElement;
  readonly fill: HTMLElement;
  readonly hatched: HTMLElement;
}

/** Draws the bars. */
export class Bars {
  readonly #list: HTMLElement;
  readonly #rows = new Map<string, Row>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  draw(document: DashboardDocument): void {
    for (const bar of barsOf(document)) {
      const row = this.#rows.get(bar.name) ?? this.#add(bar.name);
      setText(row.value, bar.value);
      setText(row.share, bar.share);
      setText(row.says, bar.says);
      // Through the object model, which a policy without inline styles allows.
      row.fill.style.left = percent(bar.from);
      row.fill.style.width = percent(Math.max(0, bar.to - bar.from));
      row.hatched.style.width = percent(bar.hatched);
      show(row.hatched, bar.hatched > 0);
    }
  }

  #add(name: string): Row {
    const row: Row = {
      value: make('b'),
      share: make('span', { class: 'share' }),
      says: make('dd', { class: 'says' }),
      fill: make('span', { class: 'fill' }),
      hatched: make('span', { class: 'fill hatched' }),
    };
    const track = make('dd', { class: 'track', 'aria-hidden': 'true' }, [row.hatched, row.fill]);
    const value = make('dd', { class: 'value' }, [row.value, row.share]);
    this.#list.append(make('div', { class: 'bar' }, [make('dt', {}, [name]), track, value, row.says]));
    this.#rows.set(name, row);
    return row;
  }
}

/** Whole thousandths: less is no pixel. */
function percent(part: number): string {
  return `${Math.round(part * 1000) / 10}%`;
}
