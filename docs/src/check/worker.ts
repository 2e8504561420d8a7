// Worker: runs in the test's own process before its file is loaded. It sends what the learner's code prints, and the errors
// that nobody caught, to the trace, line by line: so they belong to one test, and survive the end of the process.
//
// A thread looks after the process: when its parent is gone (killed, or the terminal closed), an endless loop would go on
// for ever, and nothing else in here would ever notice.
import { Worker } from 'node:worker_threads';
import { afterEach } from 'vitest';
import { noteLost, trace } from '../lesson/trace.ts';

const PARTIAL_LINE_MAX = 2_000;
const LOOK_AFTER = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
  }, 500);
`;

new Worker(LOOK_AFTER, { eval: true, execArgv: [], workerData: process.ppid }).unref();
trace(['worker', process.pid]);
capture(process.stdout);
capture(process.stderr);
process.on('unhandledRejection', (reason) => noteLost(reason));
process.on('uncaughtException', (error) => noteLost(error));

/** Nothing goes on to the real stream: the runner shows the lines beside the test that printed them. */
function capture(stream: NodeJS.WriteStream): void {
  let partial = '';
  stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
    const text = chunk instanceof Uint8Array ? Buffer.from(chunk).toString('utf8') : String(chunk);
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    if (partial.length > PARTIAL_LINE_MAX) lines.push(partial.slice(0, PARTIAL_LINE_MAX));
    if (partial.length > PARTIAL_LINE_MAX) partial = '';
    for (const line of lines) trace(['output', line]);
    const done = rest.at(-1);
    if (typeof done === 'function') queueMicrotask(() => done());
    return true;
  };
  const flush = () => {
    if (partial !== '') trace(['output', partial]);
    partial = '';
  };
  afterEach(flush);
  process.on('exit', flush);
}
