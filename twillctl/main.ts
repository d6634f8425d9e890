/**
 * Entry of bin/twillctl: hands the process to run() and sets the exit code.
 */
import {text} from 'node:stream/consumers';
import {run} from './run.js';

// `twillctl get endpoints | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  out: chunk => void process.stdout.write(chunk),
  err: chunk => void process.stderr.write(chunk),
  readStdin: () => text(process.stdin),
  now: Date.now,
});
