import type { ConformanceCase } from '../case.js';

/** Sections 1, 2.1 and 2.7. */
export const STATUS_CASES: readonly ConformanceCase[] = [
  {
    id: 'status',
    section: '2.1',
    title: 'The status document has all members of version 1; absence is null.',
    steps: [
      {
        path: '/status',
        headers: { accept: 'application/json' },
        answers: { 200: { body: { is: 'shape', of: 'Status' } } },
      },
    ],
  },
  {
    id: 'status-type',
    section: '2.1',
    title: 'The status document is application/json.',
    when: ['service'],
    steps: [
      {
        path: '/status',
        headers: { accept: 'application/json' },
        answers: { 200: { headers: { 'content-type': '^application/json' } } },
      },
    ],
  },
  {
    id: 'blocks-verify',
    section: '1',
    title: 'Blocks are one line each, right by the rules of the chain, and follow each other.',
    when: ['json', 'blocks', 'rules'],
    steps: [
      {
        path: '/json?from={base}&to={last}',
        headers: { accept: 'application/x-ndjson', 'accept-encoding': 'identity' },
        answers: { 200: { body: { is: 'chain', from: '{base}', to: '{last}' } } },
      },
    ],
  },
  {
    id: 'status-head',
    section: '2.1',
    title: 'The head that the status names is served.',
    when: ['json', 'block', 'rules'],
    steps: [
      {
        path: '/json?from={head}&to={head}',
        headers: { accept: 'application/x-ndjson', 'accept-encoding': 'identity' },
        answers: { 200: { body: { is: 'chain', from: '{head}', to: '{head}' } } },
      },
    ],
  },
  {
    id: 'health',
    section: '2.7',
    title: 'A server that has /health says that it is alive, and lets nobody keep that.',
    steps: [
      {
        path: '/health',
        answers: {
          200: { headers: { 'cache-control': 'no-store' }, body: { is: 'shape', of: 'Health' } },
          404: {},
        },
      },
    ],
  },
  {
    id: 'ready',
    section: '2.7',
    title: 'A server that has /ready says whether it is, and lets nobody keep that.',
    steps: [
      {
        path: '/ready',
        answers: {
          200: { headers: { 'cache-control': 'no-store' }, body: { is: 'shape', of: 'Ready' } },
          503: { headers: { 'cache-control': 'no-store' }, body: { is: 'problem', codes: ['NOT_READY'] } },
          404: {},
        },
      },
    ],
  },
];
