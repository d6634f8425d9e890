/** End-to-end tests: one at a time, each file in a process of its own; they need root. */
export default {
  files: ['dist/e2e/**/*.test.js'],
  concurrency: 1,
  serial: true,
  workerThreads: false,
  timeout: '5m',
};
