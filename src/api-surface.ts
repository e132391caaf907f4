// Everything that can be imported from the package, in one place for the API report (docs/api.md). Not exported and
// not packed.
export * from './index.js';
