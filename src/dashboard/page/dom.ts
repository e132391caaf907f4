type Attributes = Readonly<Record<string, string>>;
type Child = Node | string;

/** An element of the page's own. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no ${id}.`);
  return element;
}

/** Makes an element. Texts are texts: what a peer says is never markup. */
export function make(
  name: string,
  attributes: Attributes = {},
  children: readonly Child[] = [],
): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Makes an element of SVG. */
export function makeSvg(name: string, attributes: Attributes): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** Sets a text where it is another one: what stands still is not read out again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows an element, or hides it. */
export function show(element: HTMLElement, isShown: boolean): void {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** Puts new children in place where the content is another one; whoever has the focus keeps it otherwise. */
export class Slot {
  readonly #element: HTMLElement;
  #key = '';

  constructor(id: string) {
    this.#element = byId(id);
  }

  /** @param key - stands for the content: the same one changes nothing. */
  fill(key: string, children: () => readonly Child[]): void {
    if (key === this.#key) return;
    this.#key = key;
    const focused = this.#focused();
    this.#element.replaceChildren(...children());
    if (focused !== -1) this.#links()[focused]?.focus();
  }

  #focused(): number {
    return this.#links().findIndex((link) => link === document.activeElement);
  }

  #links(): readonly HTMLElement[] {
    return [...this.#element.querySelectorAll<HTMLElement>('a, button')];
  }
}

/** A link from an error's code to what it means. */
export function codeLink(code: string): HTMLElement {
  return make('a', { href: `${base()}errors#${encodeURIComponent(code)}`, class: 'code' }, [code]);
}

/** Where the dashboard is mounted, with a slash at the end, which the address of the page may lack. */
export function base(): string {
  return location.pathname.replace(/\/?$/, '/');
}
