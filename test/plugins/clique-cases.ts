/** A chain of Clique by letters, each block by its signer: `A+C` with a vote for C, `A-C` against, `A=AB` with the list of an epoch. */
export interface CliqueCase {
  readonly title: string;
  readonly signers: string;
  readonly blocks: string;
  /** Who may sign in the end. */
  readonly ends?: string;
  readonly epoch?: number;
  /** What the last block is refused for. */
  readonly refused?: RegExp;
}

/** The cases of EIP-225 (CC0). */
export const CLIQUE_CASES: readonly CliqueCase[] = [
  { title: 'no votes', signers: 'A', blocks: 'A', ends: 'A' },
  { title: 'one adds two', signers: 'A', blocks: 'A+B B A+C', ends: 'AB' },
  { title: 'two add three', signers: 'AB', blocks: 'A+C B+C A+D B+D C A+E B+E', ends: 'ABCD' },
  { title: 'one drops itself', signers: 'A', blocks: 'A-A', ends: '' },
  { title: 'one of two drops the other', signers: 'AB', blocks: 'A-B', ends: 'AB' },
  { title: 'both of two drop one', signers: 'AB', blocks: 'A-B B-B', ends: 'A' },
  { title: 'two of three drop one', signers: 'ABC', blocks: 'A-C B-C', ends: 'AB' },
  { title: 'two of four drop nobody', signers: 'ABCD', blocks: 'A-C B-C', ends: 'ABCD' },
  { title: 'three of four drop one', signers: 'ABCD', blocks: 'A-D B-D C-D', ends: 'ABC' },
  { title: 'a vote to add counts once', signers: 'AB', blocks: 'A+C B A+C B A+C', ends: 'AB' },
  { title: 'votes about several add', signers: 'AB', blocks: 'A+C B A+D B A B+D A B+C', ends: 'ABCD' },
  { title: 'a vote to drop counts once', signers: 'AB', blocks: 'A-B B A-B B A-B', ends: 'AB' },
  {
    title: 'votes about several drop',
    signers: 'ABCD',
    blocks: 'A-C B C A-D B C A B-D C-D A B-C',
    ends: 'AB',
  },
  { title: 'a dropped one no longer drops', signers: 'ABC', blocks: 'C-B A-C B-C A-B', ends: 'AB' },
  { title: 'a dropped one no longer adds', signers: 'ABC', blocks: 'C+D A-C B-C A+D', ends: 'AB' },
  { title: 'no cascade', signers: 'ABCD', blocks: 'A-C B C A-D B-C C A B-D C-D', ends: 'ABC' },
  {
    title: 'what would cascade passes on touch',
    signers: 'ABCD',
    blocks: 'A-C B C A-D B-C C A B-D C-D A C+C',
    ends: 'AB',
  },
  {
    title: 'what would cascade may be taken back on touch',
    signers: 'ABCD',
    blocks: 'A-C B C A-D B-C C A B-D C-D A B+C',
    ends: 'ABC',
  },
  {
    title: 'no vote outlives a change',
    signers: 'ABCDE',
    blocks: 'A+F B+F C+F D-F E-F B-F C-F D+F E+F B-A C-A D-A B+F',
    ends: 'BCDEF',
  },
  { title: 'an epoch ends votes', signers: 'AB', blocks: 'A+C B A=AB B+C', ends: 'AB', epoch: 3 },
  { title: 'a stranger signs', signers: 'A', blocks: 'B', refused: /none of its 1 validators/ },
  { title: 'one signs again', signers: 'AB', blocks: 'A A', refused: /may sign one of 2/ },
  {
    title: 'one signs again over an epoch',
    signers: 'ABC',
    blocks: 'A B A=ABC A',
    epoch: 3,
    refused: /may sign one of 2/,
  },
];
