/*
 * The part of the Indexed Database API and of Web Locks that is used: no type library in use here declares them.
 */

interface Events<E> {
  onerror: (() => void) | null;
  readonly error: E;
}

interface Request<T> extends Events<Error | null> {
  onsuccess: (() => void) | null;
  readonly result: T;
}

interface OpenRequest extends Request<Database> {
  onupgradeneeded: (() => void) | null;
}

interface Transaction extends Events<Error | null> {
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): ObjectStore;
}

interface ObjectStore {
  add(value: unknown, key: string): void;
  put(value: unknown, key: string): void;
  getAllKeys(range: unknown, count: number): Request<readonly string[]>;
  getAll(range: unknown, count: number): Request<readonly Uint8Array[]>;
}

/** A database. */
export interface Database {
  createObjectStore(name: string): void;
  transaction(
    name: string,
    mode: 'readonly' | 'readwrite',
    options?: { readonly durability: 'strict' },
  ): Transaction;
  close(): void;
}

interface Locks {
  request(
    name: string,
    options: { readonly ifAvailable: true },
    held: (lock: object | null) => Promise<void>,
  ): Promise<void>;
}

/** What there is of it on a page, or in a worker of one. */
export const platform = globalThis as unknown as {
  readonly indexedDB: { open(name: string, version: number): OpenRequest };
  readonly IDBKeyRange: { lowerBound(key: string, open: boolean): unknown };
  readonly navigator?: { readonly locks?: Locks };
};

/** Resolves with what a request gives. */
export function resultOf<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error('The request failed.'));
    };
  });
}

/** Resolves when a transaction is on disk. */
export function endOf(transaction: Transaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = () => {
      reject(transaction.error ?? new Error('The transaction was called off.'));
    };
  });
}
