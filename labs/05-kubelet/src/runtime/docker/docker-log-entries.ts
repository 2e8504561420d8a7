// DockerLogEntries: the entries of a log that is followed, each once.
//
// Where a log goes on in a new file, the engine gives whoever follows it the last entries of the old file once more. Each
// entry has the time at which the engine had it, to the nanosecond, and those of one stream never go back: what is not later
// than the one before has been seen. Only the pieces of one long line share a time. Pure.
//
// Same idea upstream: kubernetes, pkg/kubelet/kuberuntime/logs/logs.go, which reads the files itself.

import type { OutputFrame } from './docker-stream.ts';

const SPACE = 0x20;
const LINE_END = 0x0a;

interface Last {
  readonly time: string;
  readonly isWholeLine: boolean;
}

export class DockerLogEntries {
  readonly #keepTimes: boolean;
  readonly #last = new Map<OutputFrame['stream'], Last>();
  #pieces: Buffer[] = [];

  constructor(options: { readonly timestamps: boolean }) {
    this.#keepTimes = options.timestamps;
  }

  /** @param frame with the time in front, as the engine was asked for it. Nothing for a piece of one, and for a repetition. */
  take({ stream, payload, isComplete }: OutputFrame): Buffer | undefined {
    this.#pieces.push(payload);
    if (!isComplete) return undefined;
    const entry = Buffer.concat(this.#pieces);
    this.#pieces = [];
    const end = entry.indexOf(SPACE);
    const time = entry.toString('latin1', 0, Math.max(0, end));
    if (!this.#isNew(stream, time)) return undefined;
    this.#last.set(stream, { time, isWholeLine: entry.at(-1) === LINE_END });
    return this.#keepTimes ? entry : entry.subarray(end + 1);
  }

  #isNew(stream: OutputFrame['stream'], time: string): boolean {
    const last = this.#last.get(stream);
    if (last === undefined || time > last.time) return true;
    return time === last.time && !last.isWholeLine;
  }
}
