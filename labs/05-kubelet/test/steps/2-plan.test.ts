// Step 2, what is to be done: the difference between what a pod asks for and what runs, as a list of actions.
import { lesson } from '@kube-labs/docs/lesson';
import type { Container, EphemeralContainer } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import type { PodView } from '#src/pod/pod-view.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import type { RuntimeContainerState } from '#src/runtime/runtime.ts';
import {
  CREATED,
  container,
  exited,
  pod,
  RUNNING,
  record,
  runtimePod,
  sandbox,
} from '../objects.ts';
import { view, words } from '../plan-words.ts';
import { expectLines } from './support/lines.ts';
import { obey } from './support/obey.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const SYNC = 'src/pod/sync-pod.ts';

/** A line for a shell: the plan for a pod with one container, in a ready sandbox or without one. */
const byHand = (runtime: string, spec = ''): string =>
  `npx tsx -e "import { planPod } from './work/05-kubelet/src/pod/sync-pod.ts'; console.log(planPod({ pod: { spec: { containers: [{ name: 'c' }]${spec} } }, runtime: ${runtime}, failedProbes: new Map(), hasStarted: () => true, restartDelayMs: () => 0 }))"`;
const READY = "sandboxes: [{ id: 's0', state: 'ready', attempt: 0 }]";
const endedWith = (exitCode: number): string =>
  `{ ${READY}, containers: [{ name: 'c', sandboxId: 's0', attempt: 0, status: { state: 'exited', exitCode: ${exitCode} } }] }`;

const OTHER_IMAGE = `{ ${READY}, containers: [{ name: 'c', sandboxId: 's0', attempt: 0, hash: 'old', status: { state: 'running' } }] }`;

const two = { containers: [container('c'), container('d')] };
const debug = { name: 'debug', image: 'image:v1' } as EphemeralContainer;
const broken = (attempt: number) => [sandbox({ state: 'notready', attempt })];

/** What the plan is, in a word for each action. */
const planOf = (rest: Partial<PodView>): string[] => words(planPod(view(rest)));

/** The plan for a pod of one container, with one word about what runs of it. */
function planAfter(restartPolicy: string, status: RuntimeContainerState, attempt = 0): string {
  const runtime = runtimePod([record('c', status, { attempt })]);
  return planOf({ pod: pod({ restartPolicy }), runtime }).join(', ') || 'nothing';
}

lesson(
  'Of a new pod nothing is there: it gets a sandbox, and then its containers in it',
  {
    invariant: 1,
    byHand: byHand('{ sandboxes: [], containers: [] }'),
    symbols: [`${SYNC}#planPod`, `${SYNC}#planNewSandbox`, `${SYNC}#wantedInNewSandbox`],
  },
  ({ event }) => {
    event('plan a pod with one container, and one with two, of which the engine has nothing');
    expectLines(planOf({ runtime: runtimePod([], []) }), ['create-sandbox 0', 'start c 0']);
    expectLines(planOf({ pod: pod(two), runtime: runtimePod([], []) }), [
      'create-sandbox 0',
      'start c 0',
      'start d 0',
    ]);
  },
);

lesson(
  'What runs as it should is left alone; what is missing is started in the sandbox that is there',
  {
    invariant: 2,
    byHand: byHand(`{ ${READY}, containers: [] }`),
    symbols: [`${SYNC}#planPod`, `${SYNC}#planContainers`, `${SYNC}#someMainRuns`],
  },
  ({ event }) => {
    event('a pod of c and d: both run; then c alone does; then none');
    const runs = (...names: string[]) => runtimePod(names.map((name) => record(name, RUNNING)));
    expectLines(planOf({ pod: pod(two), runtime: runs('c', 'd') }), []);
    expectLines(planOf({ pod: pod(two), runtime: runs('c') }), ['start d 0']);
    expectLines(planOf({ pod: pod(two), runtime: runs() }), ['start c 0', 'start d 0']);
    event('c runs, and an older run of c has ended');
    const older = runtimePod([record('c', RUNNING, { attempt: 1 }), record('c', exited(1))]);
    expectLines(planOf({ runtime: older }), []);
    event('the back-off of d lasts, c runs');
    const waits = runtimePod([record('d', exited(1)), record('c', RUNNING)]);
    expectLines(planOf({ pod: pod(two), runtime: waits, restartDelayMs: () => 7000 }), [
      'back-off d 7000',
    ]);
  },
);

lesson(
  'A container that ended is started again, alone, as its restart policy says',
  {
    invariant: 3,
    byHand: byHand(endedWith(1)),
    symbols: [`${SYNC}#planContainers`, `${SYNC}#planPod`, `${SYNC}#stopRest`],
  },
  ({ event }) => {
    event('c has ended, under each policy, with exit code 0 and with 1');
    const rows = ['Always', 'OnFailure', 'Never'].flatMap((policy) =>
      [0, 1].map((code) => `${policy} ${code}: ${planAfter(policy, exited(code), 4)}`),
    );
    expectLines(rows, [
      'Always 0: start c 5',
      'Always 1: start c 5',
      'OnFailure 0: nothing',
      'OnFailure 1: start c 5',
      'Never 0: nothing',
      'Never 1: nothing',
    ]);
    event('c was created and has never run: it has the attempt that it was made for');
    expect(planAfter('Never', CREATED, 2)).toBe('start c 2');
    event('c has ended, d runs');
    const one = runtimePod([record('c', exited(1)), record('d', RUNNING)]);
    expectLines(planOf({ pod: pod(two), runtime: one }), ['start c 1']);
    expectLines(planOf({ pod: pod({ ...two, restartPolicy: 'Never' }), runtime: one }), []);
  },
);

lesson(
  'What runs and is not what the spec asks for, or was given up by a probe, is killed, and then started',
  {
    invariant: 2,
    byHand: byHand(OTHER_IMAGE),
    symbols: [`${SYNC}#planContainers`],
  },
  ({ event }) => {
    event('c runs another image than the spec names');
    const other = runtimePod([record('c', RUNNING, { hash: 'old' })]);
    expectLines(planOf({ runtime: other }), [
      'kill Container c definition changed, will be restarted',
      'start c 1',
    ]);
    event('c has failed its liveness probe, d has not');
    const both = runtimePod([record('d', RUNNING), record('c', RUNNING)]);
    const failedProbes = new Map([['c-0', 'liveness' as const]]);
    expectLines(planOf({ pod: pod(two), runtime: both, failedProbes }), [
      'kill Container c failed liveness probe, will be restarted',
      'start c 1',
    ]);
    event('the same under Never');
    const never = pod({ ...two, restartPolicy: 'Never' });
    expectLines(planOf({ pod: never, runtime: both, failedProbes }), [
      'kill Container c failed liveness probe',
    ]);
  },
);

lesson(
  'When the main containers have ended for good, what runs beside them is stopped; not before',
  {
    invariant: 4,
    byHand: byHand(endedWith(0), ", restartPolicy: 'Never'"),
    symbols: [`${SYNC}#planPod`, `${SYNC}#stopRest`, `${SYNC}#someMainRuns`],
  },
  ({ event }) => {
    const jobs = pod({ ...two, ephemeralContainers: [debug], restartPolicy: 'OnFailure' });
    const beside = record('debug', RUNNING);
    const plan = (c: RuntimeContainerState, d: RuntimeContainerState) =>
      planOf({ pod: jobs, runtime: runtimePod([beside, record('c', c), record('d', d)]) });
    event('under OnFailure: somebody debugs; c has succeeded, d runs');
    expectLines(plan(exited(0), RUNNING), []);
    event('d fails, and is started again');
    expectLines(plan(exited(0), exited(1)), ['start d 1']);
    event('d succeeds, too');
    expectLines(plan(exited(0), exited(0)), ['stop-containers']);
    event('the same, and nobody has debugged it yet: that is too late now');
    const late = runtimePod([record('c', exited(0)), record('d', exited(0))]);
    expectLines(planOf({ pod: jobs, runtime: late }), []);
    event('nothing runs any more');
    const over = [record('debug', exited(137)), record('c', exited(0)), record('d', exited(0))];
    expectLines(planOf({ pod: jobs, runtime: runtimePod(over) }), []);
  },
);

lesson(
  'A sandbox that is no good is replaced by the next one, and everything that is wanted begins anew in it',
  {
    invariant: 5,
    byHand: byHand("{ sandboxes: [{ id: 's0', state: 'notready', attempt: 0 }], containers: [] }"),
    symbols: [
      `${SYNC}#planNewSandbox`,
      `${SYNC}#wantedInNewSandbox`,
      `${SYNC}#hasAnythingUp`,
      `${SYNC}#stopRest`,
    ],
  },
  ({ event }) => {
    event('the sandbox has lost its network; c runs in it, d has ended');
    const containers = [record('c', RUNNING), record('d', exited(0))];
    const runtime = runtimePod(containers, broken(2));
    const anew = ['stop-pod', 'create-sandbox 3'];
    expectLines(planOf({ pod: pod(two), runtime }), [...anew, 'start c 1', 'start d 1']);
    event('the same, and the back-off of d lasts: in a new sandbox nobody waits');
    expectLines(planOf({ pod: pod(two), runtime, restartDelayMs: () => 7000 }), [
      ...anew,
      'start c 1',
      'start d 1',
    ]);
    event('the same under OnFailure: what succeeded is not wanted any more');
    const onFailure = pod({ ...two, restartPolicy: 'OnFailure' });
    expectLines(planOf({ pod: onFailure, runtime }), [...anew, 'start c 1']);
    event('the same under Never: nothing may run again, so there is nothing to make a sandbox for');
    const never = pod({ ...two, restartPolicy: 'Never' });
    expectLines(planOf({ pod: never, runtime }), ['stop-containers']);
    event('under Never, and both have ended');
    const ended = [record('c', exited(0)), record('d', exited(1))];
    expectLines(planOf({ pod: never, runtime: runtimePod(ended, broken(2)) }), []);
    event('under Never, and d has not had its run');
    expectLines(planOf({ pod: never, runtime: runtimePod([record('c', exited(0))], broken(0)) }), [
      'stop-pod',
      'create-sandbox 1',
      'start d 0',
    ]);
    event('the sandbox is gone altogether, and c is still there');
    expectLines(planOf({ runtime: runtimePod([record('c', RUNNING)], []) }), [
      'stop-pod',
      'create-sandbox 0',
      'start c 1',
    ]);
    expectLines(planOf({ runtime: runtimePod([record('c', exited(1))], []) }), [
      'create-sandbox 0',
      'start c 1',
    ]);
  },
);

lesson(
  'First things first: debugging at any time, init containers before the main ones',
  {
    invariant: 6,
    byHand: byHand('{ sandboxes: [], containers: [] }', ", initContainers: [{ name: 'i' }]"),
    symbols: [`${SYNC}#planPod`, `${SYNC}#planNewSandbox`],
  },
  ({ event }) => {
    const init = pod({ initContainers: [container('i'), container('j')] });
    event('a new pod with two init containers');
    expectLines(planOf({ pod: init, runtime: runtimePod([], []) }), [
      'create-sandbox 0',
      'start i 0',
    ]);
    event('the first one runs');
    const runtime = runtimePod([record('i', RUNNING)]);
    expectLines(planOf({ pod: init, runtime }), []);
    event('the first one runs, and somebody wants to debug');
    const spec = { ...init.spec, containers: [container('c')], ephemeralContainers: [debug] };
    expectLines(planOf({ pod: pod(spec), runtime }), ['start debug 0']);
    event('without init containers: c has ended, and somebody wants to debug');
    expectLines(
      planOf({
        pod: pod({ ephemeralContainers: [debug] }),
        runtime: runtimePod([record('c', exited(1))]),
      }),
      ['start debug 0', 'start c 1'],
    );
  },
);

lesson(
  'From 2,000 random states one plan leads to where nothing is left to do, and a plan changes nothing itself',
  {
    invariant: 1,
    byHand: byHand(endedWith(1)),
    symbols: [`${SYNC}#planPod`, `${SYNC}#planNewSandbox`, `${SYNC}#planContainers`],
  },
  ({ event, figure }) => {
    event(`1 to 3 containers, every policy, seed ${SEED}`);
    const random = randomOf(SEED);
    const one = <T>(...all: readonly [T, ...T[]]): T => all[random(all.length)] ?? all[0];
    let actions = 0;
    for (let round = 0; round < 2000; round++) {
      const containers: [Container, ...Container[]] = [container('a')];
      for (const name of ['b', 'c'].slice(random(3))) containers.push(container(name));
      const restartPolicy = one('Always', 'OnFailure', 'Never');
      const records = containers.flatMap(({ name }) => {
        const status = one(RUNNING, RUNNING, exited(0), exited(1), CREATED);
        const hash = one({}, {}, { hash: 'old' });
        return random(4) === 0 ? [] : [record(name, status, { attempt: random(3), ...hash })];
      });
      const sandboxes = one([], [sandbox()], broken(random(3)));
      const before = frozen(
        view({
          pod: pod({ containers, restartPolicy }),
          runtime: runtimePod(records, sandboxes),
        }),
      );
      const plan = planPod(before);
      const state = () =>
        `${restartPolicy}, sandbox ${sandboxes[0]?.state ?? 'none'}, ${records.map(({ name, status }) => `${name} ${status.state}`).join(', ')}; plan: ${words(plan).join(', ')}`;
      expect(`${state()}; again: ${words(planPod(before))}`).toBe(
        `${state()}; again: ${words(plan)}`,
      );
      const after = { ...before, runtime: obey(before.runtime, plan) };
      expect(`${state()}; then: ${words(planPod(after))}`).toBe(`${state()}; then: `);
      actions += plan.length;
    }
    figure('actions', actions);
  },
);

/** Whoever writes into it fails. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}
