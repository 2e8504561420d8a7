// TraceFile: what a worker wrote about itself (../lesson/trace.ts), read while it runs and after it is gone.
//
// The log is kept by test: events, printed lines and lost errors between a test's beginning and the next one's are its own.
// What came before the first test belongs to loading the file.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { LostError, TraceEntry } from '../lesson/trace.ts';

export interface TracedTest {
  readonly idea: string;
  readonly timeoutMs: number;
  readonly events: string[];
  readonly output: string[];
  readonly lost: LostError[];
  end: 'passed' | 'failed' | 'skipped' | undefined;
}

const EVENTS_MAX = 50;
const OUTPUT_MAX = 200;

export class TraceFile {
  readonly file: string;
  readonly loading: TracedTest = traced('', 0);
  readonly tests: TracedTest[] = [];
  /** The process that wrote last. */
  pid: number | undefined;
  #offset = 0;

  constructor(file: string) {
    this.file = file;
  }

  get current(): TracedTest {
    return this.tests.at(-1) ?? this.loading;
  }

  /** Takes in what is new; true when there was something. */
  read(): boolean {
    const lines = this.#newLines();
    for (const line of lines) this.#take(JSON.parse(line) as TraceEntry);
    return lines.length > 0;
  }

  #take(entry: TraceEntry): void {
    switch (entry[0]) {
      case 'worker':
        this.pid = entry[1];
        return;
      case 'test':
        this.tests.push(traced(entry[1], entry[2]));
        return;
      case 'event':
        push(this.current.events, entry[1], EVENTS_MAX);
        return;
      case 'output':
        push(this.current.output, entry[1], OUTPUT_MAX);
        return;
      case 'lost':
        this.current.lost.push(entry[1]);
        return;
      case 'end':
        this.current.end = entry[1];
        return;
      default:
        entry satisfies never;
    }
  }

  /** Whole lines only: the last one may still be on its way. */
  #newLines(): string[] {
    let descriptor: number;
    try {
      descriptor = openSync(this.file, 'r');
    } catch {
      return []; // The worker has not written yet.
    }
    try {
      const buffer = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - this.#offset));
      readSync(descriptor, buffer, 0, buffer.length, this.#offset);
      const end = buffer.lastIndexOf(0x0a) + 1;
      this.#offset += end;
      return buffer
        .toString('utf8', 0, end)
        .split('\n')
        .filter((line) => line !== '');
    } finally {
      closeSync(descriptor);
    }
  }
}

const traced = (idea: string, timeoutMs: number): TracedTest => ({
  idea,
  timeoutMs,
  events: [],
  output: [],
  lost: [],
  end: undefined,
});

/** The newest count; of a flood nobody reads the beginning. */
function push(list: string[], text: string, max: number): void {
  if (list.length === max) list.shift();
  list.push(text);
}
