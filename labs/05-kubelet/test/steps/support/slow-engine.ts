// SlowEngine: a container engine that answers when the test lets it, and tells of what the test makes happen.
//
// A question is about one pod (its uid) or about all of them ('all'). It stays open until answer() or fail() names it by
// its place in `questions`, counted from 0 in the order in which they were put.

import assert from 'node:assert/strict';
import type { PodIdentity, RuntimeEvent, RuntimePod } from '#src/runtime/runtime.ts';

interface Question {
  readonly about: string;
  resolve(pods: readonly RuntimePod[]): void;
  reject(error: Error): void;
}

export class SlowEngine {
  /** What each question was about, in order. */
  readonly questions: string[] = [];
  readonly #open = new Map<number, Question>();
  readonly #events: RuntimeEvent[] = [];
  #wake = () => {};

  async podStatus({ uid }: PodIdentity): Promise<RuntimePod> {
    const [pod] = await this.#ask(uid);
    return pod ?? assert.fail(`the test gave no answer about ${uid}`);
  }

  listPods(): Promise<readonly RuntimePod[]> {
    return this.#ask('all');
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  happen(event: RuntimeEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  /** The places of the questions that have no answer yet. */
  open(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** Lets a question have its answer; resolves when everything that could follow from it has followed. */
  async answer(place: number, ...pods: readonly RuntimePod[]): Promise<void> {
    this.#take(place).resolve(pods);
    await settled();
  }

  async fail(place: number): Promise<void> {
    this.#take(place).reject(new Error('the engine is away'));
    await settled();
  }

  #ask(about: string): Promise<readonly RuntimePod[]> {
    const place = this.questions.push(about) - 1;
    return new Promise((resolve, reject) => this.#open.set(place, { about, resolve, reject }));
  }

  #take(place: number): Question {
    const question = this.#open.get(place);
    if (question === undefined) {
      const asked = this.questions.join(', ') || 'nothing';
      throw new Error(`the engine has no open question ${place}; it was asked about: ${asked}`);
    }
    this.#open.delete(place);
    return question;
  }
}

/** Everything that can go on by itself went on. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
