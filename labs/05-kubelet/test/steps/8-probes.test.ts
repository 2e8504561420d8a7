// Step 8, is it well?: attempts, thresholds, verdicts, and what follows from them.
import { lesson } from '@kube-labs/docs/lesson';
import type { Pod, Probe } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { INITIAL_PROBE_STATE, nextProbeState, type ProbeState } from '#src/probe/probe-state.ts';
import { container, exited, pod as podOf, runtimePod, sandbox, sidecar } from '../objects.ts';
import { expectLines } from './support/lines.ts';
import { probe, setUp, wordsOf } from './support/patient.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const STATE = 'src/probe/probe-state.ts#nextProbeState';
const PROBER = 'src/probe/prober.ts#Prober';

/** A line for a shell: what a row of attempts makes of a probe. */
const byHandState = (attempts: string): string =>
  `npx tsx -e "import { nextProbeState, INITIAL_PROBE_STATE } from './work/05-kubelet/src/probe/probe-state.ts'; let s = INITIAL_PROBE_STATE; for (const a of '${attempts}') console.log(a, s = nextProbeState(s, a === '+' ? 'success' : 'failure', {}))"`;
interface ByHand {
  /** With which each of its commands exits. */
  readonly code?: string;
  /** What is printed in the end. */
  readonly last?: string;
  /** What happens after half of the time. */
  readonly meanwhile?: string;
  /** How many ms before the prober the container was started. */
  readonly ago?: number;
}

/** A container with these probes is asked for three seconds of real time. */
const byHand = (
  probes: string,
  { code = '0', last = 'p.verdict(c)', meanwhile = '', ago = 0 }: ByHand = {},
): string =>
  `npx tsx -e "import { realClock as clock } from '@kube-labs/apiserver'; import { Prober } from './work/05-kubelet/src/probe/prober.ts'; const runtime = { execSync: async (id, [name]) => { console.log(id, name); return { kind: 'exited', exitCode: ${code}, output: '' } } }; const p = new Prober({ runtime, clock, log: console, events: { container: (pod, c, e) => console.log(e.message) }, onChange: () => console.log('change') }); const c = { id: 'c-0', name: 'c', status: { state: 'running', startedAtMs: Date.now() - ${ago} } }; const pod = { metadata: { uid: 'u1' }, spec: { containers: [{ name: 'c', ${probes} }] } }; const see = (c) => p.sync(pod, { identity: { uid: 'u1' }, sandboxes: [{ state: 'ready', ip: '10.0.0.2' }], containers: [c] }); see(c); setTimeout(() => { ${meanwhile} }, 1450); setTimeout(() => { console.log(${last}); p.stop() }, 2900)"`;
const everySecond = (kind: string, name: string): string =>
  `${kind}Probe: { periodSeconds: 1, exec: { command: ['${name}'] } }`;

const SIGNS = { unknown: '?', success: '+', failure: '-' } as const;

/** What the verdict is after each of the attempts. */
function verdictsOf(attempts: string, spec: Probe): string {
  let state: ProbeState = INITIAL_PROBE_STATE;
  return [...attempts]
    .map((sign) => {
      state = nextProbeState(Object.freeze(state), sign === '+' ? 'success' : 'failure', spec);
      return SIGNS[state.verdict];
    })
    .join('');
}

lesson(
  'A verdict needs as many equal attempts in a row as its threshold says',
  { invariant: 1, byHand: byHandState('+--+---'), symbols: [STATE] },
  ({ event }) => {
    event('attempts in a row, + well and - ill, and the verdict after each');
    const row = (attempts: string, spec: Probe) =>
      `attempts ${attempts} give ${verdictsOf(attempts, spec)}`;
    expectLines(
      [
        row('+', {}),
        row('---', {}),
        row('+--+---', {}),
        row('-+', { failureThreshold: 1 }),
        row('---+-++', { successThreshold: 2 }),
        row('-+-+', { successThreshold: 2, failureThreshold: 2 }),
      ],
      [
        'attempts + give +',
        'attempts --- give ??-',
        'attempts +--+--- give ++++++-',
        'attempts -+ give -+',
        'attempts ---+-++ give ??----+',
        'attempts -+-+ give ????',
      ],
    );
  },
);

lesson(
  'What runs is asked after its delay, and then every period',
  {
    invariant: 2,
    byHand: byHand(everySecond('readiness', 'ready')),
    symbols: [`${PROBER}.sync`, `${PROBER}.#run`, `${PROBER}.#probe`],
  },
  async ({ event }) => {
    event('c has run since second 0; delay 3, period 4; it is seen at 0 and at 5');
    const readinessProbe = probe('ready', { initialDelaySeconds: 3, periodSeconds: 4 });
    const { prober, pod, run, pass, attempts } = setUp({ readinessProbe });
    prober.sync(pod, runtimePod([run()]));
    await pass(5);
    prober.sync(pod, runtimePod([run()]));
    await pass(7);
    expectLines(attempts, ['3 s: ready of c-0', '7 s: ready of c-0', '11 s: ready of c-0']);
    event('nothing said: no delay, ten seconds; a container of which nobody knows is not asked');
    const other = setUp({ livenessProbe: probe('alive') });
    other.prober.sync(other.pod, runtimePod([other.run(), other.run(0, 0, 'stranger')]));
    await other.pass(21);
    expectLines(other.attempts, ['0 s: alive of c-0', '10 s: alive of c-0', '20 s: alive of c-0']);
    event('the sandbox is not ready: its address is none, and nothing is asked until it has one');
    const late = setUp({ livenessProbe: probe('alive', { periodSeconds: 4 }) });
    const broken = sandbox({ state: 'notready', ip: '10.0.0.9' });
    late.prober.sync(late.pod, runtimePod([late.run()], [broken]));
    await late.pass(2);
    late.prober.sync(late.pod, runtimePod([late.run()]));
    await late.pass(1);
    expectLines(late.attempts, ['2 s: alive of c-0']);
    event('the next answer takes two seconds; a period begins when it has come');
    late.health.set('alive', 'late');
    await late.pass(10);
    expectLines(late.attempts, ['2 s: alive of c-0', '6 s: alive of c-0', '12 s: alive of c-0']);
  },
);

lesson(
  'Without a probe a container is well as soon as it runs; with one, when that says so',
  {
    invariant: 3,
    byHand: byHand(everySecond('readiness', 'ready'), { code: '1' }),
    symbols: [`${PROBER}.verdict`, `${PROBER}.#probe`, `${PROBER}.sync`],
  },
  async ({ event }) => {
    event('c has no probe; it is seen');
    const plain = setUp({});
    const words = [`before it is seen: ${wordsOf(plain.prober.verdict(plain.run()))}`];
    plain.prober.sync(plain.pod, runtimePod([plain.run()]));
    words.push(`seen: ${wordsOf(plain.prober.verdict(plain.run()))}`);
    event('c has a readiness probe: well at 1 s, ill from 2 s on, three times');
    const readinessProbe = probe('ready', { initialDelaySeconds: 1, periodSeconds: 1 });
    const { prober, pod, run, pass, health, changes } = setUp({ readinessProbe });
    prober.sync(pod, runtimePod([run()]));
    prober.watch('u1', () => words.push(`  a change is told: ${wordsOf(prober.verdict(run()))}`));
    for (const [seconds, now] of [[1], [1, 'well'], [2, 'ill'], [1, 'ill']] as const) {
      health.set('ready', now ?? 'well');
      await pass(seconds);
      words.push(`${now ?? 'not asked yet'}: ${wordsOf(prober.verdict(run()))}`);
    }
    expectLines(words, [
      'before it is seen: not started, not ready',
      'seen: started, ready',
      'not asked yet: started, not ready',
      '  a change is told: started, ready',
      'well: started, ready',
      'ill: started, ready',
      '  a change is told: started, not ready',
      'ill: started, not ready',
    ]);
    event('each change of a verdict was told, and nothing else');
    expectLines(changes, ['u1', 'u1']);
  },
);

lesson(
  'While a container starts, only its startup probe is asked; when that succeeds, it stops',
  {
    invariant: 4,
    byHand: byHand(`${everySecond('startup', 'up')}, ${everySecond('liveness', 'alive')}`),
    symbols: [`${PROBER}.#run`, `${PROBER}.#probe`, `${PROBER}.verdict`],
  },
  async ({ event }) => {
    event('three probes, every 2 s; c is up at the third attempt');
    const { prober, pod, run, pass, health, attempts } = setUp({
      startupProbe: probe('up', { periodSeconds: 2 }),
      livenessProbe: probe('alive', { periodSeconds: 2, initialDelaySeconds: 1 }),
      readinessProbe: probe('ready', { periodSeconds: 2, initialDelaySeconds: 1 }),
    });
    health.set('up', 'ill');
    prober.sync(pod, runtimePod([run()]));
    await pass(4);
    const words = [`4 s: ${wordsOf(prober.verdict(run()))}`];
    health.set('up', 'well');
    await pass(1);
    words.push(`5 s: ${wordsOf(prober.verdict(run()))}`);
    await pass(3);
    words.push(`8 s: ${wordsOf(prober.verdict(run()))}`);
    expectLines(
      [...attempts, ...words],
      [
        ...['0 s: up of c-0', '2 s: up of c-0', '4 s: up of c-0'],
        ...['5 s: alive of c-0', '5 s: ready of c-0', '7 s: alive of c-0', '7 s: ready of c-0'],
        ...['4 s: not started, not ready', '5 s: started, not ready', '8 s: started, ready'],
      ],
    );
    event('c has a startup probe alone: it is not ready before it has started');
    const alone = setUp({ startupProbe: probe('up', { initialDelaySeconds: 1 }) });
    alone.prober.sync(alone.pod, runtimePod([alone.run()]));
    const before = wordsOf(alone.prober.verdict(alone.run()));
    await alone.pass(2);
    expectLines(
      [`before: ${before}`, `after: ${wordsOf(alone.prober.verdict(alone.run()))}`],
      ['before: not started, not ready', 'after: started, ready'],
    );
  },
);

lesson(
  'Who fails liveness or startup is to be restarted, and is left alone from then on; who fails readiness is not',
  {
    invariant: 5,
    byHand: byHand(everySecond('liveness', 'alive'), { code: '1', last: "p.failures('u1')" }),
    symbols: [`${PROBER}.failures`, `${PROBER}.#probe`],
  },
  async ({ event }) => {
    const failed: string[] = [];
    for (const [kind, name] of [
      ['livenessProbe', 'alive'],
      ['startupProbe', 'up'],
      ['readinessProbe', 'ready'],
    ] as const) {
      event(`the ${kind} of c fails every second; its threshold is 2`);
      const spec = { [kind]: probe(name, { periodSeconds: 1, failureThreshold: 2 }) };
      const { prober, pod, run, pass, health, attempts, told } = setUp(spec);
      health.set(name, 'ill');
      prober.sync(pod, runtimePod([run()]));
      await pass(1);
      const before = prober.failures('u1').size;
      await pass(3);
      const after = [...prober.failures('u1')].map((pair) => pair.join(' '));
      const others = prober.failures('u2').size;
      failed.push(
        `${name}: ${before}, then ${after.join() || 'nobody'}, of another pod ${others}`,
        `  ${attempts.length} attempts, ${told.length} told: ${told[0]}`,
      );
    }
    expectLines(failed, [
      'alive: 0, then c-0 liveness, of another pod 0',
      '  2 attempts, 2 told: Unhealthy Liveness probe failed: alive is ill',
      'up: 0, then c-0 startup, of another pod 0',
      '  2 attempts, 2 told: Unhealthy Startup probe failed: up is ill',
      'ready: 0, then nobody, of another pod 0',
      '  4 attempts, 4 told: Unhealthy Readiness probe failed: ready is ill',
    ]);
  },
);

lesson(
  'An attempt that could not be made says nothing of the container',
  {
    invariant: 5,
    byHand: byHand(everySecond('liveness', 'alive'), { code: '(() => { throw new Error() })()' }),
    symbols: [`${PROBER}.#probe`],
  },
  async ({ event }) => {
    event('c is well, but slow; then the engine is away for 5 s, longer than the threshold of 2');
    const spec = probe('alive', { periodSeconds: 1, failureThreshold: 2 });
    const all = setUp({ livenessProbe: spec });
    const { prober, pod, run, pass, health, attempts, told, changes, measured } = all;
    health.set('alive', 'late');
    prober.sync(pod, runtimePod([run()]));
    await pass(3);
    health.set('alive', 'away');
    await pass(5);
    const failures = () => [...prober.failures('u1').values()].join() || 'nobody failed';
    const words = [`away: ${failures()}`];
    event('it is back, and c is ill: one attempt is one attempt');
    health.set('alive', 'ill');
    await pass(1);
    words.push(`ill once: ${failures()}`);
    await pass(1);
    words.push(`ill twice: ${failures()}`, `told of changes: ${changes.length}`, told[0] ?? '');
    expectLines(
      [...words, `${attempts.length} attempts`],
      [
        ...['away: nobody failed', 'ill once: nobody failed', 'ill twice: liveness'],
        'told of changes: 2',
        'Unhealthy Liveness probe errored and resulted in unknown state: the engine is away',
        '3 attempts',
      ],
    );
    expectLines(
      [`${measured.length} were measured`, ...new Set(measured)],
      [
        ...['8 were measured', 'liveness of c: success after 2 s'],
        ...['liveness of c: unknown after 0 s', 'liveness of c: failure after 0 s'],
      ],
    );
  },
);

lesson(
  'The next run begins with nothing, and an answer about the one before does not count',
  {
    invariant: 6,
    byHand: byHand(everySecond('liveness', 'alive'), {
      meanwhile: "see({ ...c, id: 'c-1' })",
      last: "p.verdict(c), p.verdict({ ...c, id: 'c-1' })",
    }),
    symbols: [`${PROBER}.sync`, `${PROBER}.#probe`],
  },
  async ({ event }) => {
    event('c-0 is asked, and slow to answer; it ends; c-1 runs from second 3 on');
    const livenessProbe = probe('alive', { periodSeconds: 1, failureThreshold: 1 });
    const all = setUp({ livenessProbe });
    const { prober, pod, run, pass, health, finish, attempts, told, changes } = all;
    health.set('alive', 'slow');
    prober.sync(pod, runtimePod([run()]));
    await pass(3);
    health.set('alive', 'well');
    const ended = { ...run(), status: exited(137) };
    prober.sync(pod, runtimePod([run(1, 3), ended]));
    event('the answer about c-0 arrives: its command was killed');
    finish.get('c-0')?.(137);
    await pass(2);
    expectLines(attempts, ['0 s: alive of c-0', '3 s: alive of c-1', '4 s: alive of c-1']);
    expectLines(told, []);
    const measured = ['3 s', '4 s'].map(() => 'liveness of c: success after 0 s');
    expectLines(all.measured, measured);
    expectLines(
      [...changes, wordsOf(prober.verdict(run())), wordsOf(prober.verdict(run(1, 3)))],
      ['u1', 'not started, not ready', 'started, ready'],
    );
    event('another pod is seen, without containers: c-1 is none of its business');
    prober.sync(podOf(), { ...runtimePod([]), identity: { uid: 'u2', name: 'x', namespace: 'x' } });
    await pass(1);
    expect(attempts.at(-1)).toBe('5 s: alive of c-1');
  },
);

lesson(
  'Of a pod that is being stopped, readiness is asked on',
  {
    invariant: 6,
    byHand: byHand(`${everySecond('readiness', 'ready')}, ${everySecond('liveness', 'alive')}`, {
      meanwhile: "p.stopLivenessAndStartup('u1')",
    }),
    symbols: [`${PROBER}.#run`, `${PROBER}.sync`],
  },
  async ({ event }) => {
    event('liveness and readiness every second; from second 1 on the pod is being stopped');
    const { prober, pod, run, pass, attempts } = setUp({
      livenessProbe: probe('alive', { periodSeconds: 1 }),
      readinessProbe: probe('ready', { periodSeconds: 1 }),
    });
    prober.sync(pod, runtimePod([run()]));
    await pass(1);
    prober.stopLivenessAndStartup('u1');
    await pass(2);
    expectLines(attempts, [
      ...['0 s: alive of c-0', '0 s: ready of c-0'],
      ...['1 s: ready of c-0', '2 s: ready of c-0'],
    ]);
    event('it has ended, and its sandbox is not ready any more: nothing is asked');
    const ended = { ...run(), status: exited(0) };
    prober.sync(pod, runtimePod([ended], [sandbox({ state: 'notready' })]));
    await pass(2);
    expect(`${attempts.length} attempts`).toBe('4 attempts');
    event('another one is stopped while it starts: its startup probe is asked no more');
    const young = setUp({ startupProbe: probe('up', { periodSeconds: 1, failureThreshold: 9 }) });
    young.health.set('up', 'ill');
    young.prober.sync(young.pod, runtimePod([young.run()]));
    await young.pass(1);
    young.prober.stopLivenessAndStartup('u1');
    await young.pass(2);
    expectLines(young.attempts, ['0 s: up of c-0']);
  },
);

lesson(
  'A kubelet that has just started asks what it finds at moments of their own, and unsays nothing',
  {
    invariant: 7,
    byHand: byHand(everySecond('readiness', 'ready'), { ago: 60_000 }),
    symbols: [`${PROBER}.#run`, `${PROBER}.verdict`, `${PROBER}.sync`],
  },
  async ({ event }) => {
    event('c and the sidecar s have run for an hour, and the API says ready; period 8, chance 0.5');
    const readinessProbe = probe('ready', { periodSeconds: 8, initialDelaySeconds: 60 });
    const { prober, pod, run, pass, health, attempts } = setUp({ readinessProbe }, { random: 0.5 });
    const told = (name: string) => ({
      ...{ name, containerID: `docker://${name}-0`, image: '', imageID: '', restartCount: 0 },
      ...{ ready: true, started: true },
    });
    const adopted: Pod = {
      ...pod,
      spec: {
        containers: [container('c', { readinessProbe })],
        initContainers: [sidecar('s', { readinessProbe }), container('i', { readinessProbe })],
      },
      status: { containerStatuses: [told('c')], initContainerStatuses: [told('s')] },
    };
    const runs = ['c', 's', 'i'].map((name) => run(0, -3_600, name));
    prober.sync(adopted, runtimePod(runs));
    const words = () => runs.map((one) => `${one.name}: ${wordsOf(prober.verdict(one))}`);
    expectLines(words(), ['c: started, ready', 's: started, ready', 'i: not started, not ready']);
    health.set('ready', 'ill');
    await pass(14);
    expectLines(attempts, [
      ...['4 s: ready of c-0', '4 s: ready of s-0'],
      ...['12 s: ready of c-0', '12 s: ready of s-0'],
    ]);
    event('c has run for two seconds; delay 5: the random part comes after the delay');
    const young = setUp(
      { readinessProbe: probe('ready', { periodSeconds: 8, initialDelaySeconds: 5 }) },
      { random: 0.5 },
    );
    young.prober.sync(young.pod, runtimePod([young.run(0, -2)]));
    await young.pass(9);
    expectLines(young.attempts, ['7 s: ready of c-0']);
    event('what starts from now on is asked at once, on the second');
    const fresh = setUp({ readinessProbe: probe('ready', { periodSeconds: 8 }) }, { random: 0.5 });
    fresh.prober.sync(fresh.pod, runtimePod([fresh.run()]));
    await fresh.pass(2);
    expectLines(fresh.attempts, ['0 s: ready of c-0']);
  },
);

lesson(
  'In 2,000 random rows the verdict is what somebody says who looks at the whole row',
  { invariant: 1, byHand: byHandState('-+--+++---'), symbols: [STATE] },
  ({ event, figure }) => {
    event(`rows of up to 20 attempts, thresholds from 1 to 4, seed ${SEED}`);
    const random = randomOf(SEED);
    let changes = 0;
    for (let round = 0; round < 2_000; round++) {
      const row = Array.from({ length: 1 + random(20) }, () => (random(2) ? '+' : '-')).join('');
      const [successThreshold, failureThreshold] = [1 + random(4), 1 + random(4)];
      const got = verdictsOf(row, { successThreshold, failureThreshold });
      const want = verdictsByLooking(row, successThreshold, failureThreshold);
      const about = `attempts ${row} with ${successThreshold} and ${failureThreshold} give`;
      if (got !== want) expect(`${about} ${got}`).toBe(`${about} ${want}`);
      changes += [...want].filter((sign, i) => sign !== (want[i - 1] ?? '?')).length;
    }
    figure('changes', changes);
  },
);

/** The slow way, which remembers nothing: it looks for the latest run of equal signs that was long enough. */
function verdictsByLooking(row: string, successes: number, failures: number): string {
  return [...row]
    .map((_, end) => {
      const past = row.slice(0, end + 1);
      const plus = past.lastIndexOf('+'.repeat(successes)) + successes;
      const minus = past.lastIndexOf('-'.repeat(failures)) + failures;
      const [well, ill] = [plus >= successes ? plus : 0, minus >= failures ? minus : 0];
      return well === ill ? '?' : well > ill ? '+' : '-';
    })
    .join('');
}
