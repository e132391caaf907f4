import { base, byId, codeLink, make } from './dom.js';
import { grouped, shortHash } from './format.js';
import { readSealed } from './sealed-json.js';

/** So much of a document is shown, in characters. */
const SHOWN = 100_000;

interface Fetched {
  readonly document: Uint8Array;
  /** The hash that the node has verified. */
  readonly hash: string;
  readonly previousHash: string;
}

interface Check {
  /** `null` for what could not be checked. */
  readonly holds: boolean | null;
  readonly title: string;
  readonly text: string;
}

/** The block inspector: fetches a block and its parent, and checks both here. */
export class Inspector {
  readonly #input = byId('at') as HTMLInputElement;
  readonly #out = byId('block');
  readonly #chain: () => string | null;
  readonly #head: () => number | null;
  #asked = 0;

  /** @param node - what is known of the node: the name of its chain's rules, and its head. */
  constructor(node: { readonly chain: () => string | null; readonly head: () => number | null }) {
    this.#chain = node.chain;
    this.#head = node.head;
    byId('inspect').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#inspect(this.#height());
    });
    this.#on('older', () => this.#height() - 1);
    this.#on('newer', () => this.#height() + 1);
    this.#on('newest', () => this.#head() ?? 0);
  }

  #on(id: string, height: () => number): void {
    byId(id).addEventListener('click', () => {
      void this.#inspect(height());
    });
  }

  #height(): number {
    const text = this.#input.value.replaceAll(/[\s,]/g, '');
    return text === '' ? (this.#head() ?? 0) : Number(text);
  }

  async #inspect(wanted: number): Promise<void> {
    const height = Number.isSafeInteger(wanted) ? Math.max(0, wanted) : 0;
    this.#input.value = String(height);
    const asked = ++this.#asked;
    try {
      const block = await fetchBlock(height);
      const parent = height === 0 ? null : await fetchBlock(height - 1).catch(() => null);
      const checks = checksOf(height, block, parent, this.#chain());
      if (asked === this.#asked) this.#show(height, block, checks);
    } catch (error) {
      if (asked === this.#asked) this.#fail(error);
    }
  }

  #show(height: number, { document }: Fetched, checks: readonly Check[]): void {
    const items = checks.map(({ holds, title, text }) =>
      make('li', { class: holds === null ? '' : holds ? 'good' : 'bad' }, [
        make('strong', {}, [title]),
        make('span', {}, withHashes(text)),
      ]),
    );
    const pre = make('pre', { tabindex: '0', role: 'region', 'aria-label': `Document of block ${height}` }, [
      readable(document),
    ]);
    this.#out.replaceChildren(make('ul', { class: 'checks' }, items), pre);
  }

  #fail(error: unknown): void {
    const parts =
      error instanceof Refusal ? [codeLink(error.code), ` ${error.message}`] : ['The node does not answer.'];
    this.#out.replaceChildren(make('p', { class: 'fault' }, parts));
  }
}

/** Hashes stand out of a sentence. */
function withHashes(text: string): readonly (string | Node)[] {
  return text
    .split(/((?:0x)?[0-9a-f]{64})/)
    .map((part, index) => (index % 2 === 1 ? make('span', { class: 'hash' }, [part]) : part));
}

/** What a node answers that gives no block. */
class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

async function fetchBlock(height: number): Promise<Fetched> {
  const response = await fetch(`${base()}blocks/${height}`, { cache: 'no-store' });
  if (!response.ok) {
    const { code = 'INTERNAL', detail = '' } = (await response.json()) as { code?: string; detail?: string };
    throw new Refusal(code, detail);
  }
  return {
    document: new Uint8Array(await response.arrayBuffer()),
    hash: response.headers.get('x-block-hash') ?? '',
    previousHash: response.headers.get('x-block-previous-hash') ?? '',
  };
}

function checksOf(
  height: number,
  block: Fetched,
  parent: Fetched | null,
  chain: string | null,
): readonly Check[] {
  if (chain !== 'sealed-json') return statedChecks(height, block, parent, chain);
  const sealed = readSealed(block.document);
  if (sealed === null) {
    const text = 'The document has not the form of one of sealed-json.';
    return [{ holds: false, title: 'This is no such block', text }];
  }
  const fits = sealed.computed === sealed.hash;
  const hash: Check = {
    holds: fits,
    title: fits ? 'The hash fits' : 'The document was altered',
    text: fits
      ? `SHA-256 of these bytes is ${sealed.computed}, as the block states.`
      : `SHA-256 of these bytes is ${sealed.computed}; the block states ${sealed.hash}.`,
  };
  const isSame = sealed.hash === block.hash && sealed.height === height;
  const place: Check = {
    holds: isSame,
    title: isSame ? 'It is the block of this height' : 'It is another block',
    text: isSame
      ? `It states height ${grouped(height)}, and the hash that this node has verified.`
      : `It states height ${grouped(sealed.height)} and ${shortHash(sealed.hash)}; this node has verified ${shortHash(block.hash)}.`,
  };
  return [hash, place, linkCheck(height, sealed.previousHash, parent)];
}

function linkCheck(height: number, stated: string, parent: Fetched | null): Check {
  if (height === 0) {
    const holds = /^0{64}$/.test(stated);
    return {
      holds,
      title: holds ? 'It is the first block' : 'A first block has no parent',
      text: `Its parent is stated as ${shortHash(stated)}.`,
    };
  }
  const sealed = parent === null ? null : readSealed(parent.document);
  if (sealed === null)
    return {
      holds: null,
      title: 'The link was not checked',
      text: `Block ${grouped(height - 1)} is not held here.`,
    };
  const holds = sealed.computed === stated;
  return {
    holds,
    title: holds ? 'It links to its parent' : 'It does not link to its parent',
    text: `Block ${grouped(height - 1)} has the hash ${sealed.computed}${holds ? '' : `; stated is ${stated}`}.`,
  };
}

/** Where nothing can be recomputed: what the node says, as such. */
function statedChecks(
  height: number,
  block: Fetched,
  parent: Fetched | null,
  chain: string | null,
): readonly Check[] {
  const why = `Hashes of the chain ${chain ?? ''} are not recomputed in the browser.`;
  const links = parent !== null && parent.hash === block.previousHash;
  return [
    {
      holds: null,
      title: 'The hash was not recomputed here',
      text: `${why} This node has verified ${block.hash}.`,
    },
    parent === null
      ? {
          holds: null,
          title: 'The link was not checked',
          text: height === 0 ? 'It is the first block.' : `Block ${grouped(height - 1)} is not held here.`,
        }
      : {
          holds: links,
          title: links ? 'It names its parent' : 'It does not name its parent',
          text: `Block ${grouped(height - 1)} has the hash ${parent.hash} by this node’s word.`,
        },
  ];
}

/** A document for people: indented where it is JSON. What is checked are the bytes, never this. */
function readable(document: Uint8Array): string {
  const text = new TextDecoder().decode(document);
  const shown = indented(text);
  return shown.length <= SHOWN
    ? shown
    : `${shown.slice(0, SHOWN)}\n… ${grouped(shown.length - SHOWN)} characters more`;
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
