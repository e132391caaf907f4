/**
 * A node of a treap: ordered by address from left to right, and by rank from above. Ranks are random, so that nobody who
 * chooses the addresses makes it deep; they change nothing else.
 */
interface Node<T> {
  readonly address: string;
  readonly value: T;
  readonly rank: number;
  readonly left: Tree<T>;
  readonly right: Tree<T>;
}

type Tree<T> = Node<T> | null;

/**
 * Values by address, never changed: a map with one value more, or less, shares all but a few nodes with the one that it was
 * made of. Each of them can be kept, as what a block has left is.
 */
export class AddressMap<T> {
  static readonly #EMPTY = new AddressMap<never>(null);
  readonly root: Tree<T>;

  private constructor(root: Tree<T>) {
    this.root = root;
  }

  static empty<T>(): AddressMap<T> {
    return AddressMap.#EMPTY;
  }

  get isEmpty(): boolean {
    return this.root === null;
  }

  get(address: string): T | null {
    let node = this.root;
    while (node !== null && node.address !== address) node = address < node.address ? node.left : node.right;
    return node?.value ?? null;
  }

  with(address: string, value: T): AddressMap<T> {
    return new AddressMap(put(this.root, { address, value, rank: Math.random(), left: null, right: null }));
  }

  /** The same map where the address is not in it. */
  without(address: string): AddressMap<T> {
    const root = cut(this.root, address);
    return root === this.root ? this : new AddressMap(root);
  }

  values(): readonly T[] {
    const values: T[] = [];
    collect(this.root, values);
    return values;
  }
}

function put<T>(tree: Tree<T>, node: Node<T>): Node<T> {
  if (tree === null) return node;
  if (node.address === tree.address) return { ...tree, value: node.value };
  if (node.address < tree.address) {
    const left = put(tree.left, node);
    if (left.rank <= tree.rank) return { ...tree, left };
    return { ...left, right: { ...tree, left: left.right } };
  }
  const right = put(tree.right, node);
  if (right.rank <= tree.rank) return { ...tree, right };
  return { ...right, left: { ...tree, right: right.left } };
}

function cut<T>(tree: Tree<T>, address: string): Tree<T> {
  if (tree === null) return null;
  if (address === tree.address) return joined(tree.left, tree.right);
  if (address < tree.address) {
    const left = cut(tree.left, address);
    return left === tree.left ? tree : { ...tree, left };
  }
  const right = cut(tree.right, address);
  return right === tree.right ? tree : { ...tree, right };
}

/** One tree of two, where all addresses of the first are below those of the second. */
function joined<T>(low: Tree<T>, high: Tree<T>): Tree<T> {
  if (low === null || high === null) return low ?? high;
  return low.rank > high.rank
    ? { ...low, right: joined(low.right, high) }
    : { ...high, left: joined(low, high.left) };
}

function collect<T>(tree: Tree<T>, values: T[]): void {
  if (tree === null) return;
  collect(tree.left, values);
  values.push(tree.value);
  collect(tree.right, values);
}
