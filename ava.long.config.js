import { shared } from './ava.config.js';

/** `npm run test:long`: what takes longer by its nature, as many runs of a killed process, databases and a browser. */
export default {
  ...shared,
  files: ['dist/test/**/*.long.test.js'],
};
