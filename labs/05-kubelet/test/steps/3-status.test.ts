// Step 3, what is said of a pod: the states of its containers, and one word for the whole, derived from what is there.
import { lesson } from '@kube-labs/docs/lesson';
import type { ContainerState, ContainerStatus, PodSpec } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { type ContainerView, containerStatusOf } from '#src/pod/container-status.ts';
import { type PhaseView, phaseOf } from '#src/pod/pod-phase.ts';
import { isRunning } from '#src/pod/pod-view.ts';
import { shouldRestart } from '#src/pod/restart-policy.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import type { RuntimeContainer } from '#src/runtime/runtime.ts';
import {
  CREATED,
  container,
  exited,
  pod,
  RUNNING,
  record,
  runtimePod,
  sidecar,
} from '../objects.ts';
import { view } from '../plan-words.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const STATUS = 'src/pod/container-status.ts';
const PHASE = 'src/pod/pod-phase.ts';

/** A line for a shell: the status of a container of which the engine has these runs. */
const byHandStatus = (records: string, rest = ''): string =>
  `npx tsx -e "import { containerStatusOf } from './work/05-kubelet/src/pod/container-status.ts'; console.log(containerStatusOf({ spec: { name: 'c' }, waitingDefault: 'ContainerCreating', messageOf: () => undefined, records: [${records}]${rest} }))"`;
const byHandPhase = (statuses: string, rest = ''): string =>
  `npx tsx -e "import { phaseOf } from './work/05-kubelet/src/pod/pod-phase.ts'; console.log(phaseOf({ pod: { spec: { restartPolicy: 'OnFailure'${rest} } }, initStatuses: [], terminal: false, statuses: [${statuses}] }))"`;

function statusOf(
  records: readonly RuntimeContainer[],
  rest: Partial<ContainerView> = {},
): ContainerStatus {
  return containerStatusOf({
    spec: container('c'),
    records,
    previous: undefined,
    willRestart: false,
    deleted: false,
    waiting: undefined,
    waitingDefault: 'ContainerCreating',
    ready: false,
    started: false,
    messageOf: () => undefined,
    ...rest,
  });
}

/** A state in a few words. */
function wordsOf(state: ContainerState | undefined): string {
  if (state?.running !== undefined) return `running since ${state.running.startedAt}`;
  if (state?.waiting !== undefined) {
    const { reason, message } = state.waiting;
    return message === undefined ? `waiting: ${reason}` : `waiting: ${reason}, ${message}`;
  }
  if (state?.terminated === undefined) return 'nothing';
  const { exitCode, reason } = state.terminated;
  return `ended with ${exitCode}, ${reason}`;
}

const linesOf = ({ state, lastState, restartCount }: ContainerStatus): string[] => [
  `state: ${wordsOf(state)}`,
  `last state: ${wordsOf(lastState)}`,
  `restarts: ${restartCount}`,
];

/** What the API was told last. */
function told(state: ContainerState, rest: Partial<ContainerStatus> = {}): ContainerStatus {
  const ids = { image: 'image:v0', imageID: 'docker://sha256:1', containerID: 'docker://c-3' };
  return { name: 'c', ...ids, ready: true, restartCount: 3, state, lastState: {}, ...rest };
}

/** Statuses for the phase, each in a word. */
const STATES = {
  creates: { state: { waiting: { reason: 'ContainerCreating' } } },
  runs: { state: { running: {} } },
  'runs again': { state: { running: {} }, lastState: { terminated: { exitCode: 1 } } },
  'backs off': {
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 1 } },
  },
  'ended 0': { state: { terminated: { exitCode: 0 } } },
  'ended 1': { state: { terminated: { exitCode: 1 } } },
} as const satisfies Record<string, Partial<ContainerStatus>>;
type Word = keyof typeof STATES;

const statusesOf = (words: readonly Word[], kind: string): ContainerStatus[] =>
  words.map((word, i) => ({
    ...{ name: `${kind}${i}`, image: '', imageID: '', ready: false, restartCount: 0 },
    ...STATES[word],
  }));

function phase(spec: Partial<PodSpec>, main: readonly Word[], rest: Partial<PhaseView> = {}) {
  const statuses = statusesOf(main, 'c');
  return phaseOf({ pod: pod(spec), initStatuses: [], statuses, terminal: false, ...rest });
}

lesson(
  'Of a container that runs is said since when, of which image, and as which run',
  {
    invariant: 1,
    byHand: byHandStatus(
      "{ id: 'x', attempt: 2, status: { state: 'running', startedAtMs: 1000 } }",
    ),
    symbols: [`${STATUS}#containerStatusOf`, `${STATUS}#stateOf`],
  },
  ({ event }) => {
    event('the third run of c runs, is ready and has started');
    const runs = record('c', RUNNING, { attempt: 2 });
    expect(statusOf([runs], { ready: true, started: true })).toEqual({
      name: 'c',
      image: 'image:v1',
      imageID: 'docker://sha256:1',
      containerID: 'docker://c-2',
      restartCount: 2,
      ready: true,
      started: true,
      state: { running: { startedAt: '1970-01-01T00:00:01Z' } },
      lastState: {},
    });
    event('it is not ready');
    expect(statusOf([runs], { started: true }).ready).toBe(false);
  },
);

lesson(
  'Of a container that has ended is said how, when, and with which last words',
  {
    invariant: 1,
    byHand: byHandStatus(
      "{ id: 'x', attempt: 0, status: { state: 'exited', exitCode: 3, reason: 'Error', startedAtMs: 1000, finishedAtMs: 2000 } }",
    ),
    symbols: [`${STATUS}#stateOf`, `${STATUS}#containerStatusOf`],
  },
  ({ event }) => {
    event('c has ended with 3 and has left no words');
    const ended = record('c', exited(3));
    const end = {
      containerID: 'docker://c-0',
      exitCode: 3,
      reason: 'Error',
      startedAt: '1970-01-01T00:00:01Z',
      finishedAt: '1970-01-01T00:00:02Z',
    };
    expect(statusOf([ended]).state).toEqual({ terminated: end });
    event('it has left some; then the engine has a message, too; then the engine alone has one');
    const said = (words: string | undefined, engine?: string) => {
      const status = engine === undefined ? exited(3) : { ...exited(3), message: engine };
      const { state } = statusOf([record('c', status)], { messageOf: () => words });
      return state?.terminated?.message ?? 'no message';
    };
    expect(said('no database')).toBe('no database');
    expect(said('no database', 'killed')).toBe('no database');
    expect(said(undefined, 'killed')).toBe('killed');
    expect(said('')).toBe('no message');
    event('its last words are empty, and the engine has a message');
    expect(said('', 'killed')).toBe('no message');
  },
);

lesson(
  'Of a container that has not run yet is said why it waits',
  {
    invariant: 2,
    byHand: byHandStatus(''),
    symbols: [`${STATUS}#statusWithoutRecord`, `${STATUS}#waitingState`, `${STATUS}#stateOf`],
  },
  ({ event }) => {
    event('the engine has nothing of c');
    expect(statusOf([])).toEqual({
      name: 'c',
      image: 'image:v1',
      imageID: '',
      restartCount: 0,
      ready: false,
      started: false,
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
    });
    event('its image cannot be pulled');
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    const pulling = statusOf([], { waiting, ready: true, started: true });
    expect(wordsOf(pulling.state)).toBe('waiting: ErrImagePull, no such image');
    expect(`${pulling.ready} ${pulling.started}`).toBe('false false');
    event('it was created and has never run');
    expect(wordsOf(statusOf([record('c', CREATED)]).state)).toBe('waiting: ContainerCreating');
    expect(wordsOf(statusOf([record('c', CREATED)], { waiting }).state)).toBe(
      'waiting: ErrImagePull, no such image',
    );
  },
);

lesson(
  'One that ended and will be started again waits, and its end is the last state',
  {
    invariant: 3,
    byHand: byHandStatus(
      "{ id: 'x', attempt: 2, status: { state: 'exited', exitCode: 3, reason: 'Error', startedAtMs: 1000, finishedAtMs: 2000 } }",
      ", willRestart: true, waiting: { reason: 'CrashLoopBackOff' }",
    ),
    symbols: [`${STATUS}#isToBeStartedAgain`, `${STATUS}#containerStatusOf`],
  },
  ({ event }) => {
    const ended = record('c', exited(3), { attempt: 2 });
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s' };
    event('c ended with 3, will be started again, and it is known what it waits for');
    expectLines(linesOf(statusOf([ended], { willRestart: true, waiting })), [
      'state: waiting: CrashLoopBackOff, back-off 10s',
      'last state: ended with 3, Error',
      'restarts: 2',
    ]);
    event('it is not known: nobody has looked at it since it ended');
    expect(wordsOf(statusOf([ended], { willRestart: true }).state)).toBe('ended with 3, Error');
    event('it will not be started again');
    expect(wordsOf(statusOf([ended], { waiting }).state)).toBe('ended with 3, Error');
    event('it runs, and an old reason is still there');
    const runs = record('c', RUNNING, { attempt: 3 });
    expect(wordsOf(statusOf([runs, ended], { willRestart: true, waiting }).state)).toBe(
      'running since 1970-01-01T00:00:01Z',
    );
  },
);

lesson(
  'The last state is the newest end that is not the state itself',
  {
    invariant: 3,
    byHand: byHandStatus(
      "{ id: 'y', attempt: 1, status: { state: 'running', startedAtMs: 3000 } }, { id: 'x', attempt: 0, status: { state: 'exited', exitCode: 3, reason: 'Error', startedAtMs: 1000, finishedAtMs: 2000 } }",
    ),
    symbols: [`${STATUS}#containerStatusOf`],
  },
  ({ event }) => {
    const run = (attempt: number, status: RuntimeContainer['status']) =>
      record('c', status, { attempt });
    const lastOf = (...records: RuntimeContainer[]) => wordsOf(statusOf(records).lastState);
    event('it runs, and ended with 3 before, and with 4 before that');
    expect(lastOf(run(2, RUNNING), run(1, exited(3)), run(0, exited(4)))).toBe(
      'ended with 3, Error',
    );
    event('it ended with 0 for good, and with 3 before');
    expect(lastOf(run(1, exited(0)), run(0, exited(3)))).toBe('ended with 3, Error');
    event('between the two it was created once, and never ran');
    expect(lastOf(run(2, exited(0)), run(1, CREATED), run(0, exited(3)))).toBe(
      'ended with 3, Error',
    );
    event('it ended for good the first time');
    expect(lastOf(run(0, exited(0)))).toBe('nothing');
    event('it runs, the engine has no older run any more, but one was told of');
    const lastState = { terminated: { exitCode: 5, reason: 'Error' } };
    const previous = told({ running: {} }, { lastState });
    const afterTold = (...records: RuntimeContainer[]) =>
      wordsOf(statusOf(records, { previous }).lastState);
    expect(afterTold(run(3, RUNNING))).toBe('ended with 5, Error');
    event('an older end was told, and the engine has a newer one');
    expect(afterTold(run(4, RUNNING), run(3, exited(4)))).toBe('ended with 4, Error');
  },
);

lesson(
  'Of what the engine has lost, what was told stays true',
  {
    invariant: 4,
    byHand: byHandStatus('', ', previous: { restartCount: 3, state: { running: {} } }'),
    symbols: [`${STATUS}#statusWithoutRecord`],
  },
  ({ event }) => {
    event('c ran when it was last told of, and the engine has nothing of it any more');
    const runs = { previous: told({ running: {} }), willRestart: true };
    const lost = statusOf([], runs);
    expectLines(linesOf(lost), [
      'state: waiting: ContainerCreating',
      'last state: ended with 137, ContainerStatusUnknown',
      'restarts: 4',
    ]);
    expect(`${lost.containerID} ${lost.imageID}`).toBe('docker://c-3 docker://sha256:1');
    event('its spec has another image by now: what it waits for is a run of that');
    expect(lost.image).toBe('image:v1');
    event('this was told, and nothing has changed: it is no second restart');
    expect(statusOf([], { previous: lost, willRestart: true })).toEqual(lost);
    event('the pod is being deleted: it is no restart');
    expectLines(linesOf(statusOf([], { ...runs, willRestart: false, deleted: true })), [
      'state: waiting: ContainerCreating',
      'last state: ended with 137, ContainerStatusUnknown',
      'restarts: 3',
    ]);
    event('c had ended for good');
    const lastState = { terminated: { exitCode: 5, reason: 'Error' } };
    const containerID = 'docker://c-3';
    const end = told(
      { terminated: { containerID, exitCode: 0, reason: 'Completed' } },
      { lastState },
    );
    expectLines(linesOf(statusOf([], { previous: end })), [
      'state: ended with 0, Completed',
      'last state: ended with 5, Error',
      'restarts: 3',
    ]);
    event('c had ended, and will run again');
    const again = statusOf([], { previous: end, willRestart: true });
    expectLines(linesOf(again), [
      'state: waiting: ContainerCreating',
      'last state: ended with 0, Completed',
      'restarts: 3',
    ]);
    event('it runs again, and the engine never found the run before');
    for (const previous of [end, again]) {
      const status = statusOf([record('c', RUNNING, { attempt: 4 })], { previous });
      expect(wordsOf(status.lastState)).toBe('ended with 0, Completed');
    }
  },
);

lesson(
  'One word for the whole pod: from its main containers, and from what its policy lets come',
  {
    invariant: 5,
    byHand: byHandPhase('{ state: { terminated: { exitCode: 1 } } }'),
    symbols: [`${PHASE}#phaseOf`, `${PHASE}#hasStopped`],
  },
  ({ event }) => {
    event('two containers in every mix, under each policy');
    const mixes: readonly (readonly [Word, Word])[] = [
      ['creates', 'runs'],
      ['creates', 'runs again'],
      ['runs', 'runs'],
      ['runs', 'backs off'],
      ['backs off', 'backs off'],
      ['runs', 'ended 0'],
      ['runs', 'ended 1'],
      ['ended 0', 'ended 0'],
      ['ended 0', 'ended 1'],
      ['creates', 'ended 1'],
    ];
    const rows = mixes.map((mix) => {
      const phases = ['Always', 'OnFailure', 'Never'].map((restartPolicy) =>
        phase({ restartPolicy }, mix),
      );
      return `${mix.join(' + ')}: ${phases.join(', ')}`;
    });
    expectLines(rows, [
      'creates + runs: Pending, Pending, Pending',
      'creates + runs again: Pending, Pending, Pending',
      'runs + runs: Running, Running, Running',
      'runs + backs off: Running, Running, Running',
      'backs off + backs off: Running, Running, Failed',
      'runs + ended 0: Running, Running, Running',
      'runs + ended 1: Running, Running, Running',
      'ended 0 + ended 0: Running, Succeeded, Succeeded',
      'ended 0 + ended 1: Running, Running, Failed',
      'creates + ended 1: Pending, Pending, Pending',
    ]);
    event('a pod without a policy: it is Always');
    const { restartPolicy: _, ...spec } = pod().spec ?? { containers: [] };
    const statuses = statusesOf(['ended 0'], 'c');
    const bare = { pod: { ...pod(), spec }, initStatuses: [], statuses, terminal: false };
    expect(phaseOf(bare)).toBe('Running');
  },
);

lesson(
  'An init container that failed for good ends its pod; a sidecar does not, but keeps it from ending',
  {
    invariant: 6,
    byHand: byHandPhase('', ", initContainers: [{ name: 's', restartPolicy: 'Always' }]"),
    symbols: [`${PHASE}#phaseOf`],
  },
  ({ event }) => {
    const waits: Word[] = ['creates'];
    const init = (word: Word) => ({ initStatuses: statusesOf([word], 'i') });
    const initContainers = [container('i0')];
    event('an init container runs; fails; the main one waits');
    expect(phase({ initContainers }, waits, init('runs'))).toBe('Pending');
    expect(phase({ initContainers }, waits, init('ended 1'))).toBe('Pending');
    const never = { restartPolicy: 'Never' };
    expect(phase({ ...never, initContainers }, waits, init('ended 1'))).toBe('Failed');
    expect(phase({ ...never, initContainers }, waits, init('ended 0'))).toBe('Pending');
    event('the same of a sidecar, beside a main container that has succeeded');
    const served = { ...never, initContainers: [sidecar('i0')] };
    expect(phase(served, ['ended 0'], init('runs'))).toBe('Running');
    expect(phase(served, ['ended 0'], init('ended 1'))).toBe('Succeeded');
    expect(phase(served, ['runs'], init('ended 1'))).toBe('Running');
  },
);

lesson(
  'A pod of which nothing will be started any more has ended as soon as nothing runs',
  {
    invariant: 6,
    byHand: byHandPhase('{ state: { terminated: { exitCode: 137 } } }'),
    symbols: [`${PHASE}#phaseOf`],
  },
  ({ event }) => {
    event('under Always, and it is being deleted: it runs; was killed; ended well; never ran');
    const end = (...words: Word[]) => phase({}, words, { terminal: true });
    const rows = [end('runs'), end('ended 0', 'runs'), end('ended 0', 'ended 1'), end('ended 0')];
    rows.push(end('creates'), end('ended 0', 'creates'));
    expectLines(rows, ['Running', 'Running', 'Failed', 'Succeeded', 'Failed', 'Failed']);
    event('it has no main containers at all');
    expect(end()).toBe('Failed');
    event('its init container is still being stopped');
    const initStatuses = statusesOf(['runs'], 'i');
    const spec = { initContainers: [container('i0')] };
    expect(phase(spec, ['creates'], { initStatuses, terminal: true })).toBe('Pending');
  },
);

lesson(
  'In 2,000 random states the phase is final exactly when nothing runs and the plan of step 2 is empty',
  {
    invariant: 5,
    byHand: byHandPhase('{ state: { terminated: { exitCode: 0 } } }'),
    symbols: [`${PHASE}#phaseOf`, `${STATUS}#containerStatusOf`],
  },
  ({ event, figure }) => {
    event(`1 to 3 containers, every policy, seed ${SEED}`);
    const random = randomOf(SEED);
    const one = <T>(...all: readonly [T, ...T[]]): T => all[random(all.length)] ?? all[0];
    let final = 0;
    for (let round = 0; round < 2000; round++) {
      const specs = ['a', 'b', 'c'].slice(random(3)).map((name) => container(name));
      const web = pod({ containers: specs, restartPolicy: one('Always', 'OnFailure', 'Never') });
      const records = specs.flatMap(({ name }) => {
        const status = one(RUNNING, exited(0), exited(0), exited(1), CREATED);
        return random(5) === 0 ? [] : [record(name, status)];
      });
      const statuses = specs.map((spec) => {
        const own = records.filter(({ name }) => name === spec.name);
        const willRestart = shouldRestart(web, spec.name, own[0]);
        const waiting = random(2) === 0 ? { reason: 'CrashLoopBackOff' } : undefined;
        return statusOf(own, { spec, willRestart, waiting });
      });
      const got = phaseOf({ pod: web, initStatuses: [], statuses, terminal: false });
      const plan = planPod(view({ pod: web, runtime: runtimePod(records) }));
      const isOver = plan.length === 0 && !records.some(isRunning);
      const isFinal = got === 'Succeeded' || got === 'Failed';
      const what = `${web.spec?.restartPolicy}: ${statuses.map(({ state }) => wordsOf(state)).join('; ')}: ${got}`;
      expect(`${what}, final: ${isFinal}`).toBe(`${what}, final: ${isOver}`);
      if (isFinal) final += 1;
    }
    figure('final', final);
  },
);
