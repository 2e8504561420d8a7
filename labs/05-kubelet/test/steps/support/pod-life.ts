// PodLife: a pod with init containers that lives through whatever happens, and an engine that obeys at once.
//
// It knows by itself who has done his part in the sandbox that is there. A start that comes too early fails the test, as does
// an init container that runs once more though it has succeeded, and a plan that leaves something to do when it was obeyed.

import type { Container } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import type { PodAction, PodView } from '#src/pod/pod-view.ts';
import { isSidecar } from '#src/pod/restart-policy.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import type { RuntimeContainer, RuntimePod } from '#src/runtime/runtime.ts';
import { exited, pod, runtimePod } from '../../objects.ts';
import { view, words } from '../../plan-words.ts';
import { obey } from './obey.ts';

export class PodLife {
  runtime: RuntimePod = runtimePod([], []);
  readonly #init: readonly Container[];
  readonly #started = new Set<string>();
  /** Names, of this sandbox. */
  #done = new Set<string>();
  #events: string[] = [];

  constructor(init: readonly Container[]) {
    this.#init = init;
  }

  /** Plans, obeys, and finds nothing left to do. @returns how many were started */
  plan(): number {
    const actions = planPod(this.#view());
    let starts = 0;
    for (const action of actions) {
      if (action.kind === 'create-sandbox') this.#done = new Set();
      if (action.kind === 'start-container') this.#mayStart(action);
      if (action.kind === 'start-container') starts += 1;
      this.runtime = obey(this.runtime, [action]);
    }
    this.#events.push(...words(actions));
    const rest = planPod(this.#view());
    if (rest.length > 0) this.#isWrong(`then ${words(rest).join(', ')}`, 'then nothing');
    return starts;
  }

  happens(random: (below: number) => number): void {
    const { containers } = this.runtime;
    const some = containers[random(containers.length || 1)];
    const what = random(12);
    if (what === 0) this.#sandboxBreaks();
    else if (what <= 2) this.#isLost(some);
    else if (what <= 6) this.#ends(some, what % 2);
    else this.#hasStarted(some);
  }

  /** What runs has started, and what is to end succeeds. */
  goesWell(): void {
    for (const one of this.runtime.containers) {
      this.#hasStarted(one);
      const spec = this.#init.find(({ name }) => name === one.name);
      if (spec !== undefined && !isSidecar(spec)) this.#ends(one, 0);
    }
  }

  runs(name: string): boolean {
    return this.runtime.containers.some(
      (one) => one.name === name && one.status.state === 'running',
    );
  }

  story(): string {
    const row = this.#init.map((spec) => `${spec.name}${isSidecar(spec) ? ' (sidecar)' : ''}`);
    return `${[...row, 'c'].join(', ')}: ${this.#events.slice(-12).join('; ')}`;
  }

  #view(): PodView {
    return view({
      pod: pod({ initContainers: [...this.#init] }),
      runtime: this.runtime,
      hasStarted: ({ id }) => this.#started.has(id),
    });
  }

  #mayStart({ spec }: Extract<PodAction, { kind: 'start-container' }>): void {
    const index = this.#init.indexOf(spec);
    const before = index < 0 ? this.#init : this.#init.slice(0, index);
    const missing = before.filter(({ name }) => !this.#done.has(name)).map(({ name }) => name);
    const what = `then start ${spec.name}`;
    if (missing.length > 0) this.#isWrong(`${what}, before ${missing.join(', ')}`, 'then not yet');
    const again = index >= 0 && !isSidecar(spec) && this.#done.has(spec.name);
    if (again) this.#isWrong(`${what}, which has succeeded`, `then not ${spec.name} again`);
  }

  /** Words are made for what is wrong only: a life has thousands of moments. */
  #isWrong(got: string, want: string): void {
    expect(`${this.story()}: ${got}`).toBe(`${this.story()}: ${want}`);
  }

  #ends(one: RuntimeContainer | undefined, exitCode: number): void {
    if (one?.status.state !== 'running') return;
    this.#change(one, { ...one, status: exited(exitCode) });
    this.#events.push(`${one.name} ends with ${exitCode}`);
    const spec = this.#init.find(({ name }) => name === one.name);
    if (spec !== undefined && !isSidecar(spec) && exitCode === 0) this.#done.add(one.name);
  }

  #hasStarted(one: RuntimeContainer | undefined): void {
    if (one?.status.state !== 'running' || this.#started.has(one.id)) return;
    this.#started.add(one.id);
    this.#events.push(`${one.name} has started`);
    const spec = this.#init.find(({ name }) => name === one.name);
    if (spec !== undefined && isSidecar(spec)) this.#done.add(one.name);
  }

  /** The engine cleans up, of what came before one that has begun. */
  #isLost(one: RuntimeContainer | undefined): void {
    const { containers, sandboxes } = this.runtime;
    if (one?.status.state !== 'exited') return;
    const begun = containers.filter(({ sandboxId }) => sandboxId === sandboxes[0]?.id);
    const later = this.#init.slice(this.#init.findIndex(({ name }) => name === one.name) + 1);
    if (one.name === 'c' || !later.some(({ name }) => begun.some((b) => b.name === name))) return;
    this.#change(one);
    this.#events.push(`${one.name} is lost`);
  }

  #sandboxBreaks(): void {
    const sandboxes = this.runtime.sandboxes.map((one) => ({ ...one, state: 'notready' as const }));
    this.runtime = { ...this.runtime, sandboxes };
    this.#events.push('the sandbox breaks');
  }

  #change(one: RuntimeContainer, ...now: readonly RuntimeContainer[]): void {
    const containers = this.runtime.containers.flatMap((each) => (each === one ? now : [each]));
    this.runtime = { ...this.runtime, containers };
  }
}
