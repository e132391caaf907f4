/** How V8 is told to keep its heap. */
export interface Heap {
  /** As it stands in tables. */
  readonly title: string;
  readonly nodeOptions: readonly string[];
}

/** As Node comes, and kept small, as the command line does by itself. */
export const HEAPS: readonly Heap[] = [
  { title: 'as Node comes', nodeOptions: [] },
  { title: 'kept small', nodeOptions: ['--max-semi-space-size=1', '--heap-growing-percent=50'] },
];
