// Step 4, patience: how long to wait before something that keeps failing is tried again.
import type { Clock } from '@kube-labs/apiserver';
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { BackOff, restartKey } from '#src/pod/back-off.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import { container, exited, pod, RUNNING, record, runtimePod } from '../objects.ts';
import { view, words } from '../plan-words.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
const BACK_OFF = 'src/pod/back-off.ts#BackOff';
const KEY = 'u1/web';

/** A line for a shell: `b` is a BackOff, and `t` the time of its clock in seconds. */
const byHand = (code: string): string =>
  `npx tsx -e "import { BackOff } from './work/05-kubelet/src/pod/back-off.ts'; let t = 0; const b = new BackOff({ clock: { now: () => t * 1000 } }); const left = (failedAt) => { const s = b.remainingMs('k', failedAt * 1000) / 1000; console.log('at', t, 'left', s); return s }; const next = (failedAt) => b.next('k', failedAt * 1000); ${code}"`;

/** A back-off with a clock that the test turns; all times in seconds. */
function setUp(options: { readonly initialMs?: number; readonly maxMs?: number } = {}) {
  const time = { now: 1_000 };
  const noTimers = () => expect.fail('a back-off needs no timer');
  const clock: Clock = {
    now: () => time.now * 1_000,
    setTimeout: noTimers,
    clearTimeout: noTimers,
  };
  const backOff = new BackOff({ clock, ...options });
  const remaining = (failedAt: number, key = KEY) =>
    backOff.remainingMs(key, failedAt * 1_000) / 1_000;
  const next = (failedAt: number, key = KEY) => backOff.next(key, failedAt * 1_000);
  /** It fails now, waits as long as it must, and is tried. */
  const failAndTry = (): number => {
    const failedAt = time.now;
    const wait = remaining(failedAt);
    time.now += wait;
    next(failedAt);
    return wait;
  };
  return { time, backOff, remaining, next, failAndTry };
}

lesson(
  'What has not failed before is tried at once; after that it waits',
  {
    invariant: 1,
    byHand: byHand('left(0); next(0); left(0); t = 4; left(0); t = 10; left(0); t = 99; left(0)'),
    symbols: [`${BACK_OFF}.remainingMs`, `${BACK_OFF}.next`],
  },
  ({ event }) => {
    event('it fails for the first time, at 1000 s');
    expect(setUp().remaining(1_000)).toBe(0);
    event('it is tried at once, and fails at once; somebody looks so many seconds later');
    const lines = [1_000, 1_004, 1_009.5, 1_010, 1_200].map((now) => {
      const { time, remaining, next } = setUp();
      next(1_000);
      time.now = now;
      return `at ${now}: ${remaining(1_000)} s left`;
    });
    expectLines(lines, [
      'at 1000: 10 s left',
      'at 1004: 6 s left',
      'at 1009.5: 0.5 s left',
      'at 1010: 0 s left',
      'at 1200: 0 s left',
    ]);
  },
);

lesson(
  'Looking changes nothing: only a try counts',
  {
    invariant: 2,
    byHand: byHand('next(0); left(0); left(0); left(0)'),
    symbols: [`${BACK_OFF}.remainingMs`, `${BACK_OFF}.delayMs`],
  },
  ({ event }) => {
    const { remaining, backOff, failAndTry } = setUp();
    failAndTry();
    event('it has failed once; the pod is looked at a thousand times while it waits');
    for (let look = 0; look < 1_000; look++) remaining(1_000);
    expect(`${remaining(1_000)} s left of ${backOff.delayMs(KEY)} ms`).toBe(
      '10 s left of 10000 ms',
    );
    event('looks at something that has never been tried');
    for (let look = 0; look < 3; look++) expect(remaining(1_000, 'u1/other')).toBe(0);
    expect(backOff.delayMs('u1/other')).toBe(0);
  },
);

lesson(
  'Each failure doubles the wait, up to the longest',
  {
    invariant: 1,
    byHand: byHand('for (let i = 0; i < 8; i++) { left(t); next(t) }'),
    symbols: [`${BACK_OFF}.next`, `${BACK_OFF}.delayMs`],
  },
  ({ event }) => {
    event('it fails eight times, each time as soon as it is tried');
    const usual = setUp();
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(() => usual.failAndTry());
    expect(`waits: ${waits.join(', ')}`).toBe('waits: 0, 10, 20, 40, 80, 160, 300, 300');
    event('the same with other limits: 1 s and 5 s');
    const short = setUp({ initialMs: 1_000, maxMs: 5_000 });
    const shortWaits = [1, 2, 3, 4, 5].map(() => short.failAndTry());
    expect(`waits: ${shortWaits.join(', ')}`).toBe('waits: 0, 1, 2, 4, 5');
    event('what is told of the wait: how long it is as a whole');
    const told = setUp();
    const delays = [1, 2, 3].map(() => {
      const before = told.backOff.delayMs(KEY);
      told.failAndTry();
      return before;
    });
    expect(`delays: ${delays.join(', ')}`).toBe('delays: 0, 10000, 20000');
  },
);

lesson(
  'The wait begins when it fails, not when it was tried',
  {
    invariant: 3,
    byHand: byHand('next(0); next(0); t = 60; left(60)'),
    symbols: [`${BACK_OFF}.remainingMs`],
  },
  ({ event }) => {
    const { time, remaining, next } = setUp();
    event('tried for the second time at 1000 s, it holds for a minute and fails');
    next(1_000);
    next(1_000);
    time.now = 1_060;
    expect(`${remaining(1_060)} s left`).toBe('20 s left');
    event('looked at 15 s after its end: the kubelet had other things to do');
    time.now = 1_075;
    expect(`${remaining(1_060)} s left`).toBe('5 s left');
  },
);

lesson(
  'What has held for more than twice the longest wait begins anew',
  {
    invariant: 4,
    byHand: byHand(
      'next(0); next(0); next(0); t = 600; left(600); t = 601; left(601); next(601); left(601)',
    ),
    symbols: [`${BACK_OFF}.#isExpired`, `${BACK_OFF}.next`, `${BACK_OFF}.remainingMs`],
  },
  ({ event }) => {
    const { time, backOff, remaining, next } = setUp();
    event('tried three times; then it holds for 600 s, and fails');
    for (let tries = 0; tries < 3; tries++) next(1_000);
    time.now = 1_600;
    expect(`${remaining(1_600)} s left`).toBe('40 s left');
    next(1_600);
    expect(`then ${backOff.delayMs(KEY)} ms`).toBe('then 80000 ms');
    event('tried again at 1600 s, it holds for 600.001 s, and fails');
    time.now = 2_200.001;
    expect(`${remaining(time.now)} s left`).toBe('0 s left');
    event('somebody has looked; it begins anew when it is tried');
    expect(`still ${backOff.delayMs(KEY)} ms`).toBe('still 80000 ms');
    next(time.now);
    expect(`then ${backOff.delayMs(KEY)} ms`).toBe('then 10000 ms');
    event('with a longest wait of 5 s it is enough to hold for more than 10 s');
    const short = setUp({ initialMs: 1_000, maxMs: 5_000 });
    for (let tries = 0; tries < 3; tries++) short.next(1_000);
    short.time.now = 1_011;
    expect(`${short.remaining(1_011)} s left`).toBe('0 s left');
  },
);

lesson(
  'The time that it waits does not count as time that it held',
  {
    invariant: 4,
    byHand: byHand(
      'for (let i = 0; i < 9; i++) next(0); t = 400; left(400); t = 650; left(400); next(400); left(650)',
    ),
    symbols: [`${BACK_OFF}.#isExpired`, `${BACK_OFF}.remainingMs`, `${BACK_OFF}.next`],
  },
  ({ event }) => {
    const { time, backOff, remaining, next } = setUp();
    event('tried nine times, it holds for 400 s, fails at 1400 s, and has 300 s to wait');
    for (let tries = 0; tries < 9; tries++) next(1_000);
    const lines = [1_400, 1_500, 1_650, 1_700].map((now) => {
      time.now = now;
      return `at ${now}: ${remaining(1_400)} s left`;
    });
    expectLines(lines, [
      'at 1400: 300 s left',
      'at 1500: 200 s left',
      'at 1650: 50 s left',
      'at 1700: 0 s left',
    ]);
    event('it is tried at 1700 s');
    next(1_400);
    expect(`then ${backOff.delayMs(KEY)} ms`).toBe('then 300000 ms');
  },
);

lesson(
  'Nobody waits for another one, and who goes takes all of his with him',
  {
    invariant: 5,
    byHand: byHand(
      "next(0); left(0); console.log(b.remainingMs('other', 0)); b.forget('k'); left(0)",
    ),
    symbols: [`${BACK_OFF}.forget`, `${BACK_OFF}.next`],
  },
  ({ event }) => {
    const { next, backOff } = setUp();
    const all = ['u1/web', 'u1/log', 'u2/web'];
    const delays = () => all.map((key) => `${key} ${backOff.delayMs(key) / 1_000}`);
    event('web of pod u1 is tried twice, log of u1 and web of u2 once');
    for (const key of ['u1/web', ...all]) next(1_000, key);
    expectLines(delays(), ['u1/web 20', 'u1/log 10', 'u2/web 10']);
    event('pod u1 goes');
    backOff.forget('u1');
    expectLines(delays(), ['u1/web 0', 'u1/log 0', 'u2/web 10']);
    event('a pod that nobody knows goes');
    backOff.forget('u3');
    expectLines(delays(), ['u1/web 0', 'u1/log 0', 'u2/web 10']);
  },
);

lesson(
  'A container that crashes after five seconds, for an hour, and its plans',
  {
    invariant: 3,
    byHand: byHand('for (let i = 0; i < 8; i++) { const f = t; t += left(f); next(f); t += 5 }'),
    symbols: [`${BACK_OFF}.remainingMs`, `${BACK_OFF}.next`],
  },
  ({ event, figure }) => {
    const { time, backOff } = setUp();
    const web = container('c');
    const restartDelayMs: Parameters<typeof view>[0]['restartDelayMs'] = (spec, failedAtMs) =>
      backOff.remainingMs(restartKey('u1', spec), failedAtMs);
    const planOf = (image: string, runtime: ReturnType<typeof runtimePod>) =>
      words(
        planPod(view({ pod: pod({ containers: [{ ...web, image }] }), runtime, restartDelayMs })),
      ).join(', ');
    event('it starts at 1000 s; each run ends after 5 s; it is started when the plan says so');
    const plans: string[] = [];
    let starts = 0;
    while (starts < 16) {
      time.now += 5;
      const ended = runtimePod([record('c', exited(1, time.now * 1_000), { attempt: starts })]);
      const failedAtMs = time.now * 1_000;
      plans.push(planOf('image:v1', ended));
      time.now += backOff.remainingMs(restartKey('u1', web), failedAtMs) / 1_000;
      starts += 1;
      expect(planOf('image:v1', ended)).toBe(`start c ${starts}`);
      backOff.next(restartKey('u1', web), failedAtMs);
    }
    expectLines(plans.slice(0, 8), [
      'start c 1',
      'back-off c 10000',
      'back-off c 20000',
      'back-off c 40000',
      'back-off c 80000',
      'back-off c 160000',
      'back-off c 300000',
      'back-off c 300000',
    ]);
    expect(`the 16th start after ${time.now - 1_000} s`).toBe('the 16th start after 3390 s');
    event('it has just ended once more, and somebody gives it another image');
    const ended = runtimePod([record('c', exited(1, time.now * 1_000), { attempt: starts })]);
    expect(planOf('image:v1', ended)).toBe('back-off c 300000');
    expect(planOf('image:v2', ended)).toBe(`start c ${starts + 1}`);
    event('it runs');
    const runs = runtimePod([record('c', RUNNING, { attempt: starts })]);
    expect(planOf('image:v1', runs)).toBe('');
    figure('starts', starts);
  },
);

lesson(
  'In 5,000 random moves the wait is what the tries so far make it',
  {
    invariant: 4,
    byHand: byHand('next(0); left(0); t = 300; left(300); next(300); left(300)'),
    symbols: [`${BACK_OFF}.next`, `${BACK_OFF}.remainingMs`, `${BACK_OFF}.#isExpired`],
  },
  ({ event, figure }) => {
    event(`three keys, waits of 1 to 10 s, runs of up to 30 s, seed ${SEED}`);
    const random = randomOf(SEED);
    const { time, backOff, remaining, next } = setUp({ initialMs: 1_000, maxMs: 10_000 });
    const keys = ['a', 'b', 'c'];
    /** Of each key: the tries since it began anew, and when the last one was. */
    const tries = new Map<string, { count: number; last: number }>();
    const countAt = (key: string, failedAt: number): number => {
      const known = tries.get(key);
      return known === undefined || failedAt - known.last > 20 ? 0 : known.count;
    };
    let noted = 0;
    for (let move = 0; move < 5_000; move++) {
      const key = keys[random(3)] ?? 'a';
      const failedAt = time.now - random(8);
      const count = countAt(key, failedAt);
      const whole = count === 0 ? 0 : Math.min(2 ** (count - 1), 10);
      const want = count === 0 ? 0 : Math.max(0, failedAt + whole - time.now);
      const state = `move ${move}: ${key} failed at ${failedAt}, tried ${count} times, now ${time.now}`;
      expect(`${state}: ${remaining(failedAt, key)} s left`).toBe(`${state}: ${want} s left`);
      if (random(2) === 0) {
        next(failedAt, key);
        noted += 1;
        tries.set(key, { count: count + 1, last: time.now });
        const delay = Math.min(2 ** count, 10) * 1_000;
        expect(`${state}: then ${backOff.delayMs(key)}`).toBe(`${state}: then ${delay}`);
      }
      time.now += random(4) === 0 ? random(30) : random(3);
    }
    figure('tries', noted);
  },
);
