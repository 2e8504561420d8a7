// Step 1, what the engine has: a cache that is fed by events, and never shows something older than what it has shown.
import type { LogFields, Logger } from '@kube-labs/apiserver';
import { lesson } from '@kube-labs/docs/lesson';
import { expect, onTestFinished } from 'vitest';
import { PodCache } from '#src/runtime/pod-cache.ts';
import type { PodIdentity, RuntimePod } from '#src/runtime/runtime.ts';
import { CREATED, exited, IDENTITY, RUNNING, record, runtimePod, sandbox } from '../objects.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import { SlowEngine, settled } from './support/slow-engine.ts';

const SEED = Number(process.env.SEED ?? 1);
const CACHE = 'src/runtime/pod-cache.ts#PodCache';

const WEB = IDENTITY;
const SLOW: PodIdentity = { uid: 'u2', name: 'slow', namespace: 'default' };
const created = runtimePod([record('c', CREATED)]);
const running = runtimePod([record('c', RUNNING)]);
const ended = runtimePod([record('c', exited(1))]);
const nothing = runtimePod([], []);
const slowRuns: RuntimePod = { ...running, identity: SLOW };

/** A line for a shell: a cache `c` of the learner's own, and an engine that counts the questions that it is asked. */
const byHand = (code: string): string =>
  `npx tsx -e "import { PodCache } from './work/05-kubelet/src/runtime/pod-cache.ts'; const pod = { uid: 'u1' }; let n = 0; const runtime = { podStatus: async (identity) => { console.log('question', ++n); return { identity, sandboxes: [], containers: [n] } }, listPods: async () => [] }; const c = new PodCache({ runtime, log: console }); ${code}"`;

/** For such a line: one event comes, of web. */
const following = (action: string): string =>
  `runtime.events = async function* () { yield { type: 'pod', pod, action: '${action}' } }; c.onChange(() => console.log('told')); c.run(() => {}, AbortSignal.timeout(50));`;

function setUp() {
  const engine = new SlowEngine();
  const logged: string[] = [];
  const cache = new PodCache({ runtime: engine, log: listTo(logged) });
  const told: string[] = [];
  cache.onChange(({ uid }) => told.push(uid));
  return { engine, cache, told, logged };
}

/** The same, and the cache follows the engine's events. */
function setUpFollowing() {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const set = setUp();
  void set.cache.run(() => {}, stop.signal);
  const happen = async (pod: PodIdentity, action: string) => {
    set.engine.happen({ type: 'pod', pod, action });
    await settled();
  };
  return { ...set, happen };
}

/** Keeps what was logged as lines. */
function listTo(lines: string[]): Logger {
  const write =
    (severity: string) =>
    (text: string, { podUID, err }: LogFields = {}) => {
      lines.push(`${severity}: ${text}: ${podUID}, ${err}`);
    };
  const log: Logger = {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: () => log,
  };
  return log;
}

/** What a promise has come to by now, in a word. */
async function stateOf(promise: Promise<RuntimePod>): Promise<string> {
  const outcome = promise.then(wordOf, (error: Error) => error.message);
  return Promise.race([outcome, settled().then(() => 'no answer yet')]);
}

/** The state of the pod's newest container. */
const wordOf = ({ containers: [newest] }: RuntimePod): string => newest?.status.state ?? 'nothing';

lesson(
  'What the engine said of a pod is known from then on',
  {
    invariant: 1,
    byHand: byHand('c.refresh(pod).then(() => console.log(c.list()))'),
    symbols: [`${CACHE}.refresh`, `${CACHE}.#ask`, `${CACHE}.#note`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('refresh web; the engine answers that its container runs');
    const answer = cache.refresh(WEB);
    expectLines(engine.questions, ['u1']);
    expect(await stateOf(answer)).toBe('no answer yet');
    expect(`web is known: ${cache.has('u1')}`).toBe('web is known: false');
    await engine.answer(0, running);
    expect(await stateOf(answer)).toBe('running');
    expectLines(cache.list().map(wordOf), ['running']);
    event('refresh web once more; it has ended');
    const second = cache.refresh(WEB);
    await engine.answer(1, ended);
    expect(await stateOf(second)).toBe('exited');
    expectLines(cache.list().map(wordOf), ['exited']);
    event('once more; the engine has nothing of it any more');
    const third = cache.refresh(WEB);
    await engine.answer(2, nothing);
    expect(await stateOf(third)).toBe('nothing');
    expectLines(cache.list().map(wordOf), []);
  },
);

lesson(
  'Who asks while a question is on its way gets the answer to the next one, and all share that',
  {
    invariant: 2,
    byHand: byHand('for (let i = 0; i < 9; i++) c.refresh(pod)'),
    symbols: [`${CACHE}.refresh`, `${CACHE}.#ask`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('refresh web; refresh it twice more before the engine answers');
    const first = cache.refresh(WEB);
    const others = [cache.refresh(WEB), cache.refresh(WEB)];
    expectLines(engine.questions, ['u1']);
    await engine.answer(0, running);
    expect(await stateOf(first)).toBe('running');
    for (const other of others) expect(await stateOf(other)).toBe('no answer yet');
    expectLines(engine.questions, ['u1', 'u1']);
    event('a fourth and fifth refresh, while the second question is on its way');
    const late = [cache.refresh(WEB), cache.refresh(WEB)];
    expectLines(engine.questions, ['u1', 'u1']);
    await engine.answer(1, ended);
    for (const other of others) expect(await stateOf(other)).toBe('exited');
    for (const one of late) expect(await stateOf(one)).toBe('no answer yet');
    await engine.answer(2, nothing);
    for (const one of late) expect(await stateOf(one)).toBe('nothing');
    event('two refreshes of two pods: neither waits for the other');
    const both = [cache.refresh(WEB), cache.refresh(SLOW)];
    expectLines(engine.questions.slice(3), ['u1', 'u2']);
    await engine.answer(4, slowRuns);
    await engine.answer(3, ended);
    expect((await Promise.all(both)).map(wordOf).join(' ')).toBe('exited running');
    event('one waits behind a question; who has the answer to that one refreshes at once');
    const eager = cache.refresh(WEB).then(() => cache.refresh(WEB));
    const waiting = cache.refresh(WEB);
    await engine.answer(5, running);
    expectLines(engine.questions.slice(5), ['u1', 'u1']);
    await engine.answer(6, ended);
    expect(await stateOf(waiting)).toBe('exited');
    for (const place of engine.open()) await engine.answer(place, ended);
    expect(await stateOf(eager)).toBe('exited');
  },
);

lesson(
  'A question that fails fails for those who asked it; the next one is put all the same',
  {
    invariant: 2,
    byHand: byHand(
      "runtime.podStatus = async () => { throw new Error('away') }; c.refresh(pod).catch(console.log); c.refresh(pod).catch(console.log)",
    ),
    symbols: [`${CACHE}.refresh`, `${CACHE}.#ask`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('refresh web, and again; the first question fails');
    const [first, second] = [cache.refresh(WEB), cache.refresh(WEB)];
    const failure = stateOf(first);
    await engine.fail(0);
    expect(await failure).toBe('the engine is away');
    await engine.answer(1, running);
    expect(await stateOf(second)).toBe('running');
    event('a question that nobody waits behind fails; refresh puts another one');
    const third = stateOf(cache.refresh(WEB));
    await engine.fail(2);
    expect(await third).toBe('the engine is away');
    expectLines(cache.list().map(wordOf), ['running']);
    const fourth = cache.refresh(WEB);
    await engine.answer(3, ended);
    expect(await stateOf(fourth)).toBe('exited');
  },
);

lesson(
  'Who only looks gets what is known; what was outdated is asked about once',
  {
    invariant: 3,
    byHand: byHand(
      "c.current(pod).then(() => c.current(pod)).then(() => { c.outdate('u1'); return c.current(pod) })",
    ),
    symbols: [`${CACHE}.current`, `${CACHE}.outdate`, `${CACHE}.#note`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('two look at web, of which nothing is known: they share a question');
    const first = [cache.current(WEB), cache.current(WEB)];
    await settled();
    expectLines(engine.questions, ['u1']);
    await engine.answer(0, running);
    for (const one of first) expect(await stateOf(one)).toBe('running');
    event('current web again, twice: no question');
    expect(await stateOf(cache.current(WEB))).toBe('running');
    expect(await stateOf(cache.current(WEB))).toBe('running');
    expectLines(engine.questions, ['u1']);
    event('outdate web: it is still among those of which the engine has something');
    cache.outdate('u1');
    expectLines(cache.list().map(wordOf), ['running']);
    event('two look, and share a question that was put after the change');
    const both = [cache.current(WEB), cache.current(WEB)];
    await settled();
    expectLines(engine.questions, ['u1', 'u1']);
    await engine.answer(1, ended);
    for (const one of both) expect(await stateOf(one)).toBe('exited');
    expect(await stateOf(cache.current(WEB))).toBe('exited');
    expectLines(engine.questions, ['u1', 'u1']);
  },
);

lesson(
  'An answer to a question from before the change does not count',
  {
    invariant: 3,
    byHand: byHand(
      "const before = c.current(pod); c.outdate('u1'); before.then(() => c.current(pod))",
    ),
    symbols: [`${CACHE}.#note`, `${CACHE}.current`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('current web; while the engine is asked, somebody changes web; then it answers');
    const before = cache.current(WEB);
    await settled();
    cache.outdate('u1');
    await engine.answer(0, running);
    expect(await stateOf(before)).toBe('running');
    event('current web: asks');
    const after = cache.current(WEB);
    await settled();
    expectLines(engine.questions, ['u1', 'u1']);
    event('a change, and a look, while that question is on its way');
    cache.outdate('u1');
    const later = cache.current(WEB);
    await engine.answer(1, running);
    expect(await stateOf(after)).toBe('running');
    expect(await stateOf(later)).toBe('no answer yet');
    await engine.answer(2, ended);
    expect(await stateOf(later)).toBe('exited');
  },
);

lesson(
  'An event makes the engine be asked, and is told on when the answer is there, or cannot be had',
  {
    invariant: 4,
    byHand: byHand(following('die')),
    symbols: [`${CACHE}.#follow`],
  },
  async ({ event }) => {
    const { engine, cache, told, logged, happen } = setUpFollowing();
    event('a container of slow dies, then one of web; the engine answers about web first');
    await happen(SLOW, 'die');
    await happen(WEB, 'die');
    expectLines(engine.questions, ['u2', 'u1']);
    expectLines(told, []);
    await engine.answer(1, ended);
    expectLines(told, ['u1']);
    expect(await stateOf(cache.current(WEB))).toBe('exited');
    event('the question about slow fails');
    await engine.fail(0);
    expectLines(told, ['u1', 'u2']);
    expectLines(logged, ['warn: Failed to look at pod: u2, the engine is away']);
    const slow = cache.current(SLOW);
    await settled();
    expectLines(engine.questions.slice(2), ['u2']);
    await engine.answer(2, slowRuns);
    expect(await stateOf(slow)).toBe('running');
    event(
      'a second event while the first is looked into: both are told, and what was known is not',
    );
    await happen(WEB, 'start');
    await happen(WEB, 'die');
    const look = cache.current(WEB);
    await engine.answer(3, running);
    expect(await stateOf(look)).toBe('no answer yet');
    await engine.answer(4, ended);
    expect(await stateOf(look)).toBe('exited');
    expectLines(told, ['u1', 'u2', 'u1', 'u1']);
  },
);

lesson(
  'The start of what one is changing oneself is told on, and not asked about; an end is',
  {
    invariant: 4,
    byHand: byHand(
      `${following('start')} c.change('u1', () => new Promise((done) => setTimeout(done, 50)))`,
    ),
    symbols: [`${CACHE}.#follow`, `${CACHE}.outdate`],
  },
  async ({ event }) => {
    const { engine, cache, told, happen } = setUpFollowing();
    const known = cache.refresh(WEB);
    await engine.answer(0, created);
    await known;
    event('web is being changed; its container starts');
    let finish = () => {};
    const change = cache.change('u1', () => new Promise<void>((resolve) => (finish = resolve)));
    await happen(WEB, 'start');
    expectLines(engine.questions, ['u1']);
    expectLines(told, ['u1']);
    event('one of slow starts meanwhile, which nobody is changing');
    await happen(SLOW, 'start');
    expectLines(engine.questions, ['u1', 'u2']);
    await engine.answer(1, slowRuns);
    event('the container of web dies, and the change is not over');
    await happen(WEB, 'die');
    expectLines(engine.questions, ['u1', 'u2', 'u1']);
    await engine.answer(2, ended);
    expectLines(told, ['u1', 'u2', 'u1']);
    event('the change is over: what was known does not count');
    finish();
    await change;
    const after = cache.current(WEB);
    await settled();
    await engine.answer(3, running);
    expect(await stateOf(after)).toBe('running');
  },
);

lesson(
  'A list finds what no event has told: what is new, what is other than known, and what has gone',
  {
    invariant: 5,
    byHand: byHand('c.onChange(console.log); c.refresh(pod).then(() => c.refreshAll())'),
    symbols: [`${CACHE}.refreshAll`, `${CACHE}.#note`],
  },
  async ({ event }) => {
    const { engine, cache, told } = setUp();
    const relist = async (...found: RuntimePod[]) => {
      const done = cache.refreshAll();
      await engine.answer(engine.questions.length - 1, ...found);
      await done;
    };
    event('web and slow are listed, and then the same in a list of its own');
    await relist(running, slowRuns);
    expectLines(told, ['u1', 'u2']);
    await relist(structuredClone(running), structuredClone(slowRuns));
    expectLines(told, ['u1', 'u2']);
    event('the container of web has ended; slow has gone');
    await relist(ended);
    expectLines(told.slice(2), ['u1', 'u2']);
    expectLines(cache.list().map(wordOf), ['exited']);
    event('nothing is news of a pod that has gone already');
    await relist(ended);
    expectLines(told.slice(4), []);
    event('the engine cannot list: refreshAll throws, and what was known stays');
    const failing = cache.refreshAll().catch((error: Error) => error.message);
    await engine.fail(engine.questions.length - 1);
    expect(await failing).toBe('the engine is away');
    expectLines(cache.list().map(wordOf), ['exited']);
  },
);

lesson(
  'Of a list and the answer about one pod, that counts which was asked for later',
  {
    invariant: 6,
    byHand: byHand(
      'const all = c.refreshAll(); c.refresh(pod).then(() => all).then(() => console.log(c.list()))',
    ),
    symbols: [`${CACHE}.#note`, `${CACHE}.refreshAll`],
  },
  async ({ event }) => {
    const { engine, cache, told } = setUp();
    event('everything is listed; web is asked about later, and answered sooner: it has ended');
    const list = cache.refreshAll();
    const one = cache.refresh(WEB);
    await engine.answer(1, ended);
    await one;
    await engine.answer(0, running);
    await list;
    expectLines(cache.list().map(wordOf), ['exited']);
    expectLines(told, []);
    event('the same with a pod that has gone meanwhile');
    const second = cache.refreshAll();
    const gone = cache.refresh(WEB);
    await engine.answer(3, nothing);
    await gone;
    await engine.answer(2, ended);
    await second;
    expect(`web is known: ${cache.has('u1')}`).toBe('web is known: false');
    event('web is changed while everything is listed: the list does not make it current');
    const third = cache.refreshAll();
    cache.outdate('u1');
    await engine.answer(4, ended);
    await third;
    const look = cache.current(WEB);
    await settled();
    expectLines(engine.questions.slice(5), ['u1']);
    await engine.answer(5, running);
    expect(await stateOf(look)).toBe('running');
    event('the other way round: web is asked about, listed later, and has gone from that list');
    const early = cache.refresh(WEB);
    const fourth = cache.refreshAll();
    await engine.answer(7);
    await fourth;
    await engine.answer(6, running);
    expect(await stateOf(early)).toBe('running');
    expect(`web is known: ${cache.has('u1')}`).toBe('web is known: false');
  },
);

lesson(
  'When everything was listed, the engine has nothing of what was not in it, and need not be asked',
  {
    invariant: 5,
    byHand: byHand('c.refreshAll().then(() => c.current(pod)).then(console.log)'),
    symbols: [`${CACHE}.current`, `${CACHE}.refreshAll`],
  },
  async ({ event }) => {
    const { engine, cache } = setUp();
    event('web alone is listed; current slow');
    const list = cache.refreshAll();
    await engine.answer(0, running);
    await list;
    expect(await stateOf(cache.current(SLOW))).toBe('nothing');
    expect(await stateOf(cache.current(WEB))).toBe('running');
    expectLines(engine.questions, ['all']);
    event('somebody refreshes slow: who looks meanwhile waits for the same answer');
    const refreshed = cache.refresh(SLOW);
    const beside = cache.current(SLOW);
    expect(await stateOf(beside)).toBe('no answer yet');
    await engine.answer(1, { ...nothing, identity: SLOW });
    expect(`${await stateOf(refreshed)} ${await stateOf(beside)}`).toBe('nothing nothing');
    event('outdate slow: now it is asked about');
    cache.outdate('u2');
    const look = cache.current(SLOW);
    await settled();
    expectLines(engine.questions, ['all', 'u2', 'u2']);
    event('who looks meanwhile waits for the same answer');
    const shared = cache.current(SLOW);
    await engine.answer(2, slowRuns);
    expect(await stateOf(look)).toBe('running');
    expect(await stateOf(shared)).toBe('running');
    event('slow has gone, and is outdated; then it is not in a list: again it need not be asked');
    const last = cache.refresh(SLOW);
    await engine.answer(3, { ...nothing, identity: SLOW });
    await last;
    cache.outdate('u2');
    const second = cache.refreshAll();
    await engine.answer(4, running);
    await second;
    expect(await stateOf(cache.current(SLOW))).toBe('nothing');
    expectLines(engine.questions.slice(4), ['all']);
  },
);

lesson(
  'In 2,000 random moves nobody gets an answer that is older than the last change before he asked',
  {
    invariant: 6,
    byHand: byHand(
      "setInterval(() => c.outdate('u1'), 30); setInterval(() => c.current(pod), 10); setTimeout(() => process.exit(), 500)",
    ),
    symbols: [`${CACHE}.current`, `${CACHE}.refresh`, `${CACHE}.#note`, `${CACHE}.refreshAll`],
  },
  async ({ event, figure }) => {
    event(`3 pods, an engine of random slowness, seed ${SEED}`);
    const random = randomOf(SEED);
    const { engine, cache } = setUp();
    const pods = ['u0', 'u1', 'u2'].map((uid) => ({ ...WEB, uid }));
    const truth = new Map(pods.map(({ uid }) => [uid, 0]));
    /** What the engine had when it was asked: the worst that it may answer. */
    const asked = new Map<number, ReadonlyMap<string, number>>();
    const lookups: Promise<void>[] = [];
    const look = (pod: PodIdentity, put: Promise<RuntimePod>) => {
      const least = truth.get(pod.uid) ?? 0;
      const check = (got: RuntimePod) => {
        const version = versionOf(got);
        if (version < least) {
          throw new Error(
            `${pod.uid} was at ${least} when it was asked about; the answer is ${version}`,
          );
        }
      };
      lookups.push(
        put.then(check, (error: Error) => expect(error.message).toBe('the engine is away')),
      );
    };
    const answerOne = async (place: number) => {
      const then = asked.get(place) ?? truth;
      const about = engine.questions[place];
      if (random(8) === 0) return engine.fail(place);
      const wanted = pods.filter(({ uid }) => about === 'all' || about === uid);
      return engine.answer(place, ...wanted.map((pod) => podAt(pod, then.get(pod.uid) ?? 0)));
    };
    for (let move = 0; move < 2000; move++) {
      const pod = pods[random(pods.length)] ?? WEB;
      const open = engine.open();
      const kind = random(8);
      if (kind === 0) {
        truth.set(pod.uid, (truth.get(pod.uid) ?? 0) + 1);
        cache.outdate(pod.uid);
      } else if (kind <= 2) look(pod, cache.current(pod));
      else if (kind === 3) look(pod, cache.refresh(pod));
      else if (kind === 4 && !open.some((place) => engine.questions[place] === 'all')) {
        lookups.push(cache.refreshAll().catch(() => {}));
      } else if (open.length > 0) await answerOne(open[random(open.length)] ?? 0);
      await settled();
      const now = new Map(truth);
      for (const place of engine.open()) if (!asked.has(place)) asked.set(place, now);
      const about = engine.open().map((place) => engine.questions[place]);
      expect(`${new Set(about).size} pods, ${about.length} questions`).toBe(
        `${about.length} pods, ${about.length} questions`,
      );
    }
    event('everything is answered, and everybody looks once more');
    const answerAll = async () => {
      for (let round = 0; engine.open().length > 0 && round < 100; round++) {
        for (const place of engine.open()) await answerOne(place);
      }
    };
    await answerAll();
    for (const pod of pods) look(pod, cache.current(pod));
    await settled();
    await answerAll();
    await Promise.all(lookups);
    figure('questions', engine.questions.length);
    figure('lookups', lookups.length);
  },
);

/** A pod that carries a number, by which its states are told apart. */
function podAt(pod: PodIdentity, version: number): RuntimePod {
  return { identity: pod, sandboxes: [sandbox({ pod, attempt: version })], containers: [] };
}

const versionOf = ({ sandboxes: [newest] }: RuntimePod): number => newest?.attempt ?? -1;
