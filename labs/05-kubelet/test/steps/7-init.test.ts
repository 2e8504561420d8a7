// Step 7, first things first: init containers one after the other, sidecars in the same row, then the main containers.
import { lesson } from '@kube-labs/docs/lesson';
import type { Container } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { isInitialized } from '#src/pod/init-containers.ts';
import type { PodView } from '#src/pod/pod-view.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import type { RuntimeContainer, RuntimePod } from '#src/runtime/runtime.ts';
import {
  CREATED,
  container,
  exited,
  pod,
  RUNNING,
  record,
  runtimePod,
  sandbox,
  sidecar,
} from '../objects.ts';
import { view, words } from '../plan-words.ts';
import { expectLines } from './support/lines.ts';
import { PodLife } from './support/pod-life.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const INIT = 'src/pod/init-containers.ts';

/** A line for a shell: what to do for the init containers i and j, or s and i, by what runs. */
const byHand = (init: string, records: string, rest = ''): string =>
  `npx tsx -e "import { planInitContainers } from './work/05-kubelet/src/pod/init-containers.ts'; import { containerHash } from './work/05-kubelet/src/pod/kill-action.ts'; const s = (name) => ({ name, restartPolicy: 'Always' }), i = (name) => ({ name }), of = (name, state, exitCode) => ({ name, sandboxId: 's0', attempt: 0, hash: containerHash({ name }), status: { state, exitCode } }); const { done, actions } = planInitContainers({ pod: { spec: { initContainers: [${init}], containers: [i('c')]${rest} } }, runtime: { sandboxes: [{ id: 's0' }], containers: [${records}] }, failedProbes: new Map(), hasStarted: () => true, restartDelayMs: () => 0 }); console.log('done:', done, actions.map(({ kind, spec }) => kind + ' ' + spec?.name))"`;

const both = [container('i'), container('j')];
/** `s` serves the init container `i` and the main container `c`. */
const first = [sidecar('s'), container('i')];
const last = [container('i'), sidecar('s')];

interface Case extends Partial<Omit<PodView, 'pod' | 'runtime'>> {
  readonly policy?: string;
  /** Names of running containers that have not started yet. */
  readonly starting?: readonly string[];
}

/** The plan for a pod with the main container `c`, in a word for each action. */
function planOf(
  initContainers: readonly Container[],
  records: readonly RuntimeContainer[],
  { policy = 'Always', starting = [], ...rest }: Case = {},
): string {
  const plan = planPod(
    view({
      pod: pod({ initContainers: [...initContainers], restartPolicy: policy }),
      runtime: runtimePod(records),
      hasStarted: ({ name }) => !starting.includes(name),
      ...rest,
    }),
  );
  return words(plan).join(', ') || 'nothing';
}

lesson(
  'Init containers run one after the other, each to its success, and then the main ones',
  {
    invariant: 1,
    byHand: byHand("i('i'), i('j')", "of('i', 'exited', 0)"),
    symbols: [
      `${INIT}#planInitContainers`,
      `${INIT}#isInitialized`,
      `${INIT}#turnOf`,
      `${INIT}#planOne`,
      `${INIT}#hasDoneItsPart`,
    ],
  },
  ({ event }) => {
    event('a pod of the init containers i and j, and the main container c, from its first moment');
    const i = record('i', exited(0));
    const j = record('j', exited(0));
    const lines = [
      `nothing is there: ${planOf(both, [])}`,
      `i runs: ${planOf(both, [record('i', RUNNING)])}`,
      `i has succeeded: ${planOf(both, [i])}`,
      `j runs: ${planOf(both, [record('j', RUNNING), i])}`,
      `j has succeeded: ${planOf(both, [j, i])}`,
      `c runs: ${planOf(both, [record('c', RUNNING), j, i])}`,
    ];
    expectLines(lines, [
      'nothing is there: start i 0',
      'i runs: nothing',
      'i has succeeded: start j 0',
      'j runs: nothing',
      'j has succeeded: start c 0',
      'c runs: nothing',
    ]);
    event('a pod without init containers');
    expect(planOf([], [])).toBe('start c 0');
  },
);

lesson(
  'One that failed is tried again, alone and patiently; under Never the pod is over',
  {
    invariant: 2,
    byHand: byHand("i('i'), i('j')", "of('i', 'exited', 1)", ", restartPolicy: 'Never'"),
    symbols: [`${INIT}#hasFailedForGood`, `${INIT}#planInitContainers`, `${INIT}#hasDoneItsPart`],
  },
  ({ event }) => {
    event('i has succeeded, j has failed, under each policy');
    const failed = [record('j', exited(1)), record('i', exited(0))];
    const rows = ['Always', 'OnFailure', 'Never'].map(
      (policy) => `${policy}: ${planOf(both, failed, { policy })}`,
    );
    expectLines(rows, ['Always: start j 1', 'OnFailure: start j 1', 'Never: nothing']);
    event('it has to wait');
    expect(planOf(both, failed, { restartDelayMs: () => 7_000 })).toBe('back-off j 7000');
    event('under Never: what has not failed goes its way');
    const never = [CREATED, RUNNING, exited(0)].map((status) =>
      planOf(both, [record('i', status)], { policy: 'Never' }),
    );
    expectLines(
      never.map(
        (plan, i) => `i ${['was made, and has never run', 'runs', 'has succeeded'][i]}: ${plan}`,
      ),
      ['i was made, and has never run: start i 0', 'i runs: nothing', 'i has succeeded: start j 0'],
    );
  },
);

lesson(
  'A sidecar has done its part when it has started; the next one comes, and it runs on',
  {
    invariant: 3,
    byHand: byHand("s('s'), i('i')", "of('s', 'running')"),
    symbols: [
      `${INIT}#hasDoneItsPart`,
      `${INIT}#turnOf`,
      `${INIT}#isInitialized`,
      `${INIT}#hasFailedForGood`,
    ],
  },
  ({ event }) => {
    event('a pod of the sidecar s, the init container i, and c');
    const s = record('s', RUNNING);
    const done = record('i', exited(0));
    const lines = [
      `nothing is there: ${planOf(first, [])}`,
      `s runs and has not started: ${planOf(first, [s], { starting: ['s'] })}`,
      `s has started: ${planOf(first, [s])}`,
      `i has succeeded: ${planOf(first, [done, s])}`,
    ];
    expectLines(lines, [
      'nothing is there: start s 0',
      's runs and has not started: nothing',
      's has started: start i 0',
      'i has succeeded: start c 0',
    ]);
    event('the same two the other way round: i has succeeded, s comes last');
    const around = [
      `s is not there: ${planOf(last, [done])}`,
      `s runs and has not started: ${planOf(last, [s, done], { starting: ['s'] })}`,
      `s has started: ${planOf(last, [s, done])}`,
    ];
    expectLines(around, [
      's is not there: start s 0',
      's runs and has not started: nothing',
      's has started: start c 0',
    ]);
    event('s has ended well before it had started: that is no success');
    expect(planOf(first, [record('s', exited(0))])).toBe('start s 1');
    event('the same under Never: a sidecar has never failed for good');
    expect(planOf(first, [record('s', exited(1))], { policy: 'Never' })).toBe('start s 1');
  },
);

lesson(
  'A sidecar that has had its turn is kept running, whatever the policy of its pod',
  {
    invariant: 4,
    byHand: byHand("s('s'), i('i')", "of('i', 'running'), of('s', 'exited', 0)"),
    symbols: [`${INIT}#planInitContainers`, `${INIT}#turnOf`, `${INIT}#planOne`],
  },
  ({ event }) => {
    const ended = record('s', exited(0));
    event('s has ended; i runs');
    expect(planOf(first, [record('i', RUNNING), ended])).toBe('start s 1');
    event('i comes first and runs: the turn of s has not come');
    expect(planOf(last, [record('i', RUNNING)])).toBe('nothing');
    event('s has ended; c runs, under Never');
    const beside = [record('c', RUNNING), ended, record('i', exited(0))];
    expect(planOf(last, beside, { policy: 'Never' })).toBe('start s 1');
    event('s has to wait, c does not');
    expect(planOf(last, beside, { restartDelayMs: () => 7_000 })).toBe('back-off s 7000');
    event('s runs another image than the spec names; then a probe has given it up');
    const old = [record('c', RUNNING), record('s', RUNNING, { hash: 'old' })];
    expect(planOf(last, old)).toBe('kill Init container s definition changed, start s 1');
    const failedProbes = new Map([['s-0', 'liveness' as const]]);
    expect(planOf(last, [record('c', RUNNING), record('s', RUNNING)], { failedProbes })).toBe(
      'kill Init container s failed liveness probe, start s 1',
    );
    event('s has failed its startup probe before i had its turn');
    const startup = new Map([['s-0', 'startup' as const]]);
    expect(planOf(first, [record('s', RUNNING)], { starting: ['s'], failedProbes: startup })).toBe(
      'kill Init container s failed startup probe, start s 1',
    );
    event('an init container runs another image than the spec names: it is let end');
    expect(planOf(both, [record('i', RUNNING, { hash: 'old' })])).toBe('nothing');
  },
);

lesson(
  'What comes before one that has begun had done its part, also when the engine has lost it',
  {
    invariant: 5,
    byHand: byHand("i('i'), i('j')", "of('j', 'running')"),
    symbols: [`${INIT}#turnOf`, `${INIT}#planInitContainers`],
  },
  ({ event }) => {
    event('the engine has lost i, and has j');
    const lines = [
      `j was made: ${planOf(both, [record('j', CREATED)])}`,
      `j runs: ${planOf(both, [record('j', RUNNING)])}`,
      `j has failed: ${planOf(both, [record('j', exited(1))])}`,
      `j has succeeded: ${planOf(both, [record('j', exited(0))])}`,
    ];
    expectLines(lines, [
      'j was made: start j 0',
      'j runs: nothing',
      'j has failed: start j 1',
      'j has succeeded: start c 0',
    ]);
    event('a sidecar s, i and j: s is between two runs, i is lost, j runs');
    const three = [sidecar('s'), ...both];
    expect(planOf(three, [record('j', RUNNING), record('s', exited(1))])).toBe('start s 1');
    event('s has ended, and i behind it has failed: both are tried again, in their order');
    const ended = [record('i', exited(1)), record('s', exited(0))];
    expect(planOf(first, ended)).toBe('start s 1, start i 1');
    event('the same under Never: i has failed for good, and nothing more is done for the row');
    expect(planOf(first, ended, { policy: 'Never' })).toBe('nothing');
    event('s, i and j, and s is lost, too: it is started again; the row goes on behind it');
    expect(planOf(three, [record('j', exited(0))])).toBe('start s 0, start c 0');
    event('two sidecars: the first one has not started again, the second one has');
    const two = [sidecar('s'), sidecar('t')];
    const runs = [record('s', RUNNING, { attempt: 1 }), record('t', RUNNING)];
    expect(planOf(two, runs, { starting: ['s'] })).toBe('start c 0');
  },
);

lesson(
  'When a main container has started, the sandbox is initialized for good',
  {
    invariant: 6,
    byHand: byHand("i('i'), s('s')", "of('c', 'exited', 1), of('s', 'exited', 1)"),
    symbols: [`${INIT}#isInitialized`, `${INIT}#planInitContainers`],
  },
  ({ event }) => {
    const i = record('i', exited(0));
    const is = (records: readonly RuntimeContainer[], starting: readonly string[] = []) =>
      isInitialized({
        pod: pod({ initContainers: last }),
        runtime: runtimePod(records),
        hasStarted: ({ name }) => !starting.includes(name),
      });
    event('i has succeeded, and then the sidecar s, before c has begun');
    const s = record('s', RUNNING);
    const states = [
      `s is not there: ${is([i])}`,
      `s has not started: ${is([s, i], ['s'])}`,
      `s has started: ${is([s, i])}`,
      `s is between two runs: ${is([record('s', exited(1)), i])}`,
    ];
    expectLines(states, [
      's is not there: false',
      's has not started: false',
      's has started: true',
      's is between two runs: false',
    ]);
    event(
      's is between two runs, beside c that was made and has not run; that runs; that has ended',
    );
    const beside = [CREATED, RUNNING, exited(1)].map((status) =>
      is([record('c', status), record('s', exited(1)), i]),
    );
    expect(`initialized: ${beside.join(', ')}`).toBe('initialized: false, true, true');
    event('both have ended, under OnFailure: c does not wait for s');
    const ended = [record('c', exited(1)), record('s', exited(1)), i];
    expect(planOf(last, ended, { policy: 'OnFailure' })).toBe('start s 1, start c 1');
    event('the engine has lost all init containers; c runs');
    expect(planOf(both, [record('c', RUNNING)])).toBe('nothing');
    event('a pod without init containers');
    const none = { pod: pod(), runtime: runtimePod([]), hasStarted: () => true };
    expect(isInitialized(none)).toBe(true);
  },
);

lesson(
  'What was done in another sandbox does not count: a new one begins from the start',
  {
    invariant: 7,
    byHand: byHand("i('i'), i('j')", "{ ...of('i', 'exited', 0), sandboxId: 'old' }"),
    symbols: [`${INIT}#planInitContainers`, `${INIT}#isInitialized`],
  },
  ({ event }) => {
    const older = { sandboxId: 'older' };
    event('i, j and c have run in an older sandbox');
    const all = [
      record('c', exited(137), older),
      record('j', exited(0), older),
      record('i', exited(0), older),
    ];
    expect(planOf(both, all)).toBe('start i 1');
    event('i runs in the new one; then it has succeeded there');
    const anew = (status: typeof RUNNING) => [record('i', status, { attempt: 1 }), ...all];
    expect(planOf(both, anew(RUNNING))).toBe('nothing');
    expect(planOf(both, anew(exited(0)))).toBe('start j 1');
    event('a pod that has ended has no sandbox any more: its containers tell the story');
    const ended = [record('c', exited(0)), record('s', exited(137)), record('i', exited(0))];
    const is = (runtime: RuntimePod) =>
      isInitialized({ pod: pod({ initContainers: last }), runtime, hasStarted: () => true });
    expect(`without one: ${is(runtimePod(ended, []))}`).toBe('without one: true');
    const other = runtimePod(ended, [sandbox({ id: 'new' })]);
    expect(`with a new one: ${is(other)}`).toBe('with a new one: false');
  },
);

lesson(
  'In 400 random lives nobody begins before all that come first, and everybody has his turn',
  {
    invariant: 1,
    byHand: byHand("s('s'), i('i')", "of('i', 'exited', 0), of('s', 'running')"),
    symbols: [`${INIT}#planInitContainers`, `${INIT}#turnOf`, `${INIT}#isInitialized`],
    timeoutMs: 20_000,
  },
  ({ event, figure }) => {
    event(`up to four init containers, every second one a sidecar, seed ${SEED}`);
    const random = randomOf(SEED);
    let starts = 0;
    for (let life = 0; life < 400; life++) {
      const initContainers = ['a', 'b', 'd', 'e']
        .slice(random(5))
        .map((name) => (random(2) === 0 ? sidecar(name) : container(name)));
      const one = new PodLife(initContainers);
      for (let move = 0; move < 25; move++) {
        starts += one.plan();
        one.happens(random);
      }
      for (let turn = 0; turn <= initContainers.length + 1; turn++) {
        starts += one.plan();
        one.goesWell();
      }
      expect(`${one.story()}: c ${one.runs('c') ? 'runs' : 'has had no turn'}`).toBe(
        `${one.story()}: c runs`,
      );
    }
    figure('starts', starts);
  },
);
