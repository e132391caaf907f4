/** What both suites share: a test waits for a busy machine, and each file has a process of its own. */
export const shared = {
  timeout: '240s',
  concurrency: 3,
  workerThreads: false,
};

/** `npm test`: each feature, in minutes. */
export default {
  ...shared,
  files: ['dist/test/**/*.test.js', '!dist/test/**/*.long.test.js'],
};
