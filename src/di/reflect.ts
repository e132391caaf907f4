import { createRequire } from 'node:module';

// tsyringe refuses to load without this polyfill. It is a file of its own so that `sideEffects` can name it.
// Required, not imported: in an imported CommonJS file Node looks for the names of exports. In this one there are none,
// and the search took 50 ms of processor time, a sixth of what a short command of the command line took in all.
createRequire(import.meta.url)('reflect-metadata');
