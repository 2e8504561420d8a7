// Step 9, a local copy that stays true: what handlers must hear; list, watch, and again from where it broke; then a cut network for real.
import { setTimeout as wait } from 'node:timers/promises';
import { lesson } from '@kube-labs/docs/lesson';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { expect } from 'vitest';
import { Deltas } from '#src/client/deltas.ts';
import { ObjectCache } from '#src/client/object-cache.ts';
import { resources } from '#src/client/resources.ts';
import { faultyLink } from '../client/faulty-link.ts';
import { expectLines } from './support/lines.ts';
import {
  configMap,
  ModelServer,
  refusal,
  shown,
  startReflector,
  writtenTarget,
} from './support/model-server.ts';
import { startOwnServer } from './support/own-server.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);

/** A copy, and what its handlers hear: `add a@1`, `update a@1 to a@2`, `delete a@2`; each with what is in the copy at that moment. */
function openCopy() {
  const cache = new ObjectCache<ConfigMap>();
  const heard: string[] = [];
  const copies: string[] = [];
  const hear = (line: string) => {
    heard.push(line);
    copies.push(cache.list().map(shown).sort().join(' '));
  };
  const deltas = new Deltas(cache, (call) =>
    call({
      onAdd: (object) => hear(`add ${shown(object)}`),
      onUpdate: (previous, object) => hear(`update ${shown(previous)} to ${shown(object)}`),
      onDelete: (object) => hear(`delete ${shown(object)}`),
    }),
  );
  const inCopy = () => cache.list().map(shown).sort();
  return { deltas, heard, copies, inCopy };
}

/** What a handler believes after all that it heard; whatever does not fit is a line of its own. */
function believed(heard: readonly string[]): string[] {
  const objects = new Map<string, string>();
  const problems: string[] = [];
  for (const line of heard) {
    const [what = '', first = '', , second = first] = line.split(' ');
    const name = first.split('@')[0] ?? '';
    const known = objects.get(name);
    if (what === 'add' && known !== undefined) problems.push(`${line}: it knew it`);
    if (what === 'update' && known !== first) problems.push(`${line}: it knew ${known}`);
    if (what === 'delete' && known === undefined) problems.push(`${line}: it did not know it`);
    if (what === 'delete') objects.delete(name);
    else objects.set(name, second);
  }
  return [...[...objects.values()].sort(), ...problems];
}

lesson(
  'A new object is an add, another version of it an update, the same version nothing',
  {
    invariant: 1,
    byHand: 'kubectl get configmaps -w --output-watch-events',
    symbols: ['src/client/deltas.ts#Deltas.put'],
  },
  ({ event }) => {
    const { deltas, heard, copies } = openCopy();
    event('put a@1, b@2, a@1 again, a@3');
    for (const [name, version] of [
      ['a', 1],
      ['b', 2],
      ['a', 1],
      ['a', 3],
    ] as const) {
      deltas.put(configMap(name, version));
    }
    expectLines(heard, ['add a@1', 'add b@2', 'update a@1 to a@3']);
    event('what was in the copy when each of them was told');
    expectLines(copies, ['a@1', 'a@1 b@2', 'a@3 b@2']);
  },
);

lesson(
  'An object that was deleted and made again under its name is another one: a delete and an add',
  {
    invariant: 2,
    byHand: 'kubectl replace --force -f a.yaml   # the same name, another uid',
    symbols: ['src/client/deltas.ts#Deltas.put'],
  },
  ({ event }) => {
    const { deltas, heard, inCopy } = openCopy();
    deltas.put(configMap('a', 1, 'uid 1'));
    event('put a@5 with another uid, as a list brings it after the connection was away');
    deltas.put(configMap('a', 5, 'uid 2'));
    expectLines(heard, ['add a@1', 'delete a@1', 'add a@5']);
    expectLines(inCopy(), ['a@5']);
  },
);

lesson(
  'A list makes the copy equal to it, and the difference is told: also what was deleted while nobody looked',
  {
    invariant: 2,
    byHand:
      'npx tsx work/02-apiserver/copy.ts   # restart the server, and delete one before the copy is back',
    symbols: ['src/client/deltas.ts#Deltas.replace'],
  },
  ({ event }) => {
    const { deltas, heard, inCopy } = openCopy();
    event('replace by a@1 b@2 c@3, then by d@6 c@3 a@5');
    deltas.replace([configMap('a', 1), configMap('b', 2), configMap('c', 3)]);
    deltas.replace([configMap('d', 6), configMap('c', 3), configMap('a', 5)]);
    expectLines(heard, [
      ...['add a@1', 'add b@2', 'add c@3'],
      ...['delete b@2', 'add d@6', 'update a@1 to a@5'],
    ]);
    expectLines(inCopy(), ['a@5', 'c@3', 'd@6']);
    event('replace by an a@9 with another uid');
    deltas.replace([configMap('a', 9, 'another')]);
    expectLines(heard.slice(6), ['delete c@3', 'delete d@6', 'delete a@5', 'add a@9']);
  },
);

lesson(
  'First a list, whole; then a watch from the version of the list, each event in order',
  {
    invariant: 3,
    byHand:
      'kubectl get configmaps -w -v=8 2>&1 | grep GET   # a list, then watch=true&resourceVersion=…',
    symbols: [
      'src/client/reflector.ts#Reflector.run',
      'src/client/reflector.ts#Reflector.#list',
      'src/client/reflector.ts#Reflector.#watch',
      'src/client/reflector.ts#Reflector.#apply',
    ],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const target = writtenTarget();
    server.put('a');
    server.put('b');
    event('a reflector begins when there are a@1 and b@2');
    await using reflecting = await startReflector(server, target);
    event('b is changed, a deleted, c made; and there is an event of a type that nobody knows');
    server.put('b');
    server.remove('a');
    server.sendUnknown();
    server.put('c');
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 2']);
    expectLines(target.told, [
      'replace a@1 b@2',
      ...['put b@3', 'remove shop/a, last shop/a', 'put c@5'],
    ]);
    event('abort its signal');
    await reflecting.stop();
    server.put('d');
    await reflecting.settle();
    expect(target.told.length).toBe(4);
  },
);

lesson(
  'A list and the watch behind it are of the same objects: both say which ones',
  {
    invariant: 3,
    byHand: 'kubectl get configmaps -w -l app=web -v=6 2>&1 | grep GET   # labelSelector, twice',
    symbols: ['src/client/reflector.ts#Reflector.#list'],
  },
  async ({ event }) => {
    const server = new ModelServer();
    event(
      'a reflector of the config maps in shop with app=web but not c, of which it wants metadata',
    );
    const only = { namespace: 'shop', labelSelector: 'app=web', fieldSelector: 'metadata.name!=c' };
    const options = { ...only, metadataOnly: true };
    await using reflecting = await startReflector(server, writtenTarget(), options);
    expectLines(server.calls, ['list', 'watch from 0']);
    const asked = 'shop, app=web, metadata.name!=c, metadata only';
    expectLines(server.selections, [asked, asked]);
    event('another one, of all config maps');
    const other = new ModelServer();
    await using everything = await startReflector(other, writtenTarget());
    expectLines(other.selections, ['all', 'all']);
    expect(`wait: ${reflecting.waits || everything.waits}`).toBe('wait: false');
  },
);

lesson(
  'When the server ends a watch, the next one goes on from the last version, at once and without a list',
  {
    invariant: 3,
    byHand: "kubectl get --raw '/api/v1/configmaps?watch=1&timeoutSeconds=3'   # an ordinary end",
    symbols: [
      'src/client/reflector.ts#Reflector.run',
      'src/client/reflector.ts#Reflector.#watch',
      'src/client/reflector.ts#Reflector.#apply',
    ],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const target = writtenTarget();
    await using reflecting = await startReflector(server, target);
    server.put('a');
    server.put('b');
    await reflecting.settle();
    event('the watch ends in order after a@1 and b@2; c is made before anybody asks again');
    server.endWatches('in order');
    server.put('c');
    await reflecting.settle();
    expect(`waits: ${reflecting.waits}`).toBe('waits: false');
    event('an event of a type that nobody knows, with a version far ahead; then the end');
    server.sendUnknown();
    await reflecting.settle();
    server.endWatches('in order');
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 0', 'watch from 2', 'watch from 3']);
    expectLines(target.told, ['replace', 'put a@1', 'put b@2', 'put c@3']);
  },
);

lesson(
  'A bookmark moves the place on: who heard of nothing for an hour need not list again',
  {
    invariant: 4,
    byHand:
      "kubectl get --raw '/api/v1/configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=60'",
    symbols: ['src/client/reflector.ts#Reflector.#apply'],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const target = writtenTarget();
    server.put('a');
    await using reflecting = await startReflector(server, target);
    event(
      '100 other objects change; a bookmark, and one without a version; the server forgets all',
    );
    for (let i = 0; i < 100; i += 1) server.changeElsewhere();
    server.bookmark();
    server.emptyBookmark();
    await reflecting.settle();
    server.compact();
    server.endWatches('in order');
    await reflecting.settle();
    server.put('a');
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 1', 'watch from 101']);
    expectLines(target.told, ['replace a@1', 'put a@102']);
  },
);

lesson(
  'A connection that broke is a failure, so the reflector waits before it comes back; but it does not list again',
  {
    invariant: 5,
    byHand: 'npx tsx work/02-apiserver/copy.ts   # and restart the server',
    symbols: [
      'src/client/reflector.ts#Reflector.#recover',
      'src/client/reflector.ts#decideAfter',
      'src/client/reflector.ts#Reflector.#watch',
    ],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const target = writtenTarget();
    await using reflecting = await startReflector(server, target);
    server.put('a');
    await reflecting.settle();
    event('the connection is cut; b is made while it is away');
    server.endWatches(new Error('connection reset'));
    server.put('b');
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 0']);
    event('250 ms later');
    reflecting.clock.advance(249);
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 0']);
    reflecting.clock.advance(1);
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 0', 'watch from 1']);
    expectLines(target.told, ['replace', 'put a@1', 'put b@2']);
    event('a signal that aborts while it waits ends it');
    server.endWatches(new Error('connection reset'));
    await reflecting.settle();
    expect(`waits: ${reflecting.waits}`).toBe('waits: true');
    await reflecting.stop();
    expect(`waits: ${reflecting.waits}`).toBe('waits: false');
  },
);

lesson(
  'Waits double from 250 ms to 5 s, with up to as much again at random, until a watch has worked',
  {
    invariant: 5,
    byHand:
      'npx tsx work/02-apiserver/copy.ts   # stop the server for a minute, and read the times',
    symbols: [
      'src/client/reflector.ts#Reflector.#recover',
      'src/client/reflector.ts#Reflector.#watch',
    ],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const down = new Error('connection refused');
    const failures = (count: number) => server.refuse(...Array.from({ length: count }, () => down));
    failures(7);
    await using reflecting = await startReflector(server, writtenTarget(), { random: () => 0.5 });
    const nextWait = async (): Promise<number> => {
      const before = server.calls.length;
      let ms = 0;
      for (; server.calls.length === before && ms < 20_000; ms += 125) {
        reflecting.clock.advance(125);
        await reflecting.settle();
      }
      return ms;
    };
    event('seven lists fail; half of each wait is added to it');
    const waits: number[] = [];
    for (let i = 0; i < 7; i += 1) waits.push(await nextWait());
    expect(waits.join(' ')).toBe('375 750 1500 3000 6000 7500 7500');
    event('the eighth works, and a watch that brings something; then the connection is cut twice');
    server.put('a');
    await reflecting.settle();
    failures(1);
    server.endWatches(down);
    await reflecting.settle();
    expect(`${await nextWait()} ${await nextWait()}`).toBe('375 750');
  },
);

lesson(
  'A watch that ends within a second and brought nothing is a failure too, or it would be asked for in a tight loop',
  {
    invariant: 5,
    byHand:
      "for i in 1 2 3; do kubectl get --raw '/api/v1/configmaps?watch=1&timeoutSeconds=1'; done",
    symbols: ['src/client/reflector.ts#Reflector.#watch'],
  },
  async ({ event }) => {
    const server = new ModelServer();
    await using reflecting = await startReflector(server, writtenTarget());
    event('after 1,000 ms the watch ends in order, and nothing has come');
    reflecting.clock.advance(1_000);
    server.endWatches('in order');
    await reflecting.settle();
    expect(`${server.calls.length} calls, waits: ${reflecting.waits}`).toBe(
      '3 calls, waits: false',
    );
    event('after 999 ms');
    reflecting.clock.advance(999);
    server.endWatches('in order');
    await reflecting.settle();
    expect(`${server.calls.length} calls, waits: ${reflecting.waits}`).toBe('3 calls, waits: true');
    event('it comes back after its wait, with a watch');
    reflecting.clock.advance(250);
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 0', 'watch from 0', 'watch from 0']);
  },
);

lesson(
  'Who is too far behind lists again at once, and the difference is told; if that does not help there is no hurry',
  {
    invariant: 6,
    byHand: "kubectl get --raw '/api/v1/configmaps?watch=1&resourceVersion=1'   # Expired",
    symbols: [
      'src/client/reflector.ts#Reflector.#recover',
      'src/client/reflector.ts#decideAfter',
      'src/client/reflector.ts#Reflector.#watch',
      'src/client/reflector.ts#Reflector.#list',
    ],
  },
  async ({ event }) => {
    const server = new ModelServer();
    const { deltas, heard } = openCopy();
    for (const name of ['a', 'b', 'c']) server.put(name);
    await using reflecting = await startReflector(server, deltas);
    event('the connection is cut; a is deleted, b changed, d made; the server forgets all that');
    server.endWatches(new Error('connection reset'));
    server.remove('a');
    server.put('b');
    server.put('d');
    server.compact();
    await reflecting.settle();
    reflecting.clock.advance(250);
    await reflecting.settle();
    expectLines(server.calls, ['list', 'watch from 3', 'watch from 3', 'list', 'watch from 6']);
    expectLines(heard.slice(3), ['delete a@1', 'update b@2 to b@5', 'add d@6']);
    event('e is made, the watch ends with Expired, a list works, and its watch is Expired too');
    server.put('e');
    await reflecting.settle();
    server.calls.length = 0;
    server.refuse(undefined, refusal('Expired'));
    server.endWatches(refusal('Expired'));
    await reflecting.settle();
    expectLines(
      [...server.calls, `waits: ${reflecting.waits}`],
      ['list', 'watch from 7', 'waits: true'],
    );
    reflecting.clock.advance(250);
    await reflecting.settle();
    expectLines(server.calls.slice(2), ['list', 'watch from 7']);
  },
);

lesson(
  'Why a call failed decides whether the version is still good',
  {
    invariant: 6,
    byHand:
      'kubectl get configmaps -w --as jane   # Forbidden: the version has nothing to do with it',
    symbols: ['src/client/reflector.ts#decideAfter', 'src/client/reflector.ts#Reflector.#recover'],
  },
  async ({ event }) => {
    const reasons = [
      ...['Expired', 'Gone'],
      ...['TooManyRequests', 'ServiceUnavailable', 'Unauthorized', 'Forbidden'],
      ...['InternalError', 'BadRequest', 'NotFound'],
    ] as const;
    const got: string[] = [];
    for (const reason of [...reasons, 'no answer']) {
      const server = new ModelServer(7);
      const backoff = { baseMs: 100, maxMs: 100 };
      await using reflecting = await startReflector(server, writtenTarget(), { backoff });
      event(`a watch from version 7 ends with ${reason}; waits are to be of 100 ms`);
      const known = reasons.find((each) => each === reason);
      server.endWatches(known === undefined ? new Error('connection reset') : refusal(known));
      await reflecting.settle();
      const when = reflecting.waits ? 'after a wait' : 'at once';
      reflecting.clock.advance(100);
      await reflecting.settle();
      got.push(`${reason}: ${server.calls[2]} ${when}`);
    }
    expectLines(got, [
      ...['Expired: list at once', 'Gone: list at once'],
      ...['TooManyRequests', 'ServiceUnavailable', 'Unauthorized', 'Forbidden'].map(
        (reason) => `${reason}: watch from 7 after a wait`,
      ),
      ...['InternalError', 'BadRequest', 'NotFound'].map(
        (reason) => `${reason}: list after a wait`,
      ),
      'no answer: watch from 7 after a wait',
    ]);
  },
);

lesson(
  'After 3,000 random changes over connections that break at random the copy is the server’s state, and nothing was told twice',
  {
    invariant: 1,
    byHand: 'npx tsx work/02-apiserver/copy.ts   # and restart the server again and again',
    symbols: [
      'src/client/reflector.ts#Reflector.run',
      'src/client/reflector.ts#Reflector.#apply',
      'src/client/deltas.ts#Deltas.put',
      'src/client/deltas.ts#Deltas.replace',
    ],
  },
  async ({ event, figure }) => {
    event(`3,000 changes, with cuts, ends, bookmarks and compactions in between; seed ${SEED}`);
    const random = randomOf(SEED);
    const server = new ModelServer();
    const { deltas, heard, inCopy } = openCopy();
    await using reflecting = await startReflector(server, deltas);
    let compactions = 0;
    for (let i = 0; i < 3_000; i += 1) {
      const name = `c${random(12)}`;
      if (random(3) === 0) server.remove(name);
      else server.put(name);
      const luck = random(20);
      if (luck === 0) server.endWatches(new Error('connection reset'));
      if (luck === 1) server.endWatches('in order');
      if (random(15) === 0) server.bookmark();
      if (random(60) === 0) {
        server.compact();
        compactions += 1;
      }
      if (random(4) === 0) await reflecting.settle();
      if (random(4) === 0) reflecting.clock.advance(random(3_000));
    }
    await reflecting.settle();
    reflecting.clock.advance(10_000);
    await reflecting.settle();
    const want = server.objects.map(shown).sort();
    expectLines(inCopy(), want);
    expectLines(believed(heard), want);
    const lists = server.calls.filter((call) => call === 'list').length;
    // Only a version that was forgotten is a reason to list again.
    expect(`few lists: ${lists <= compactions + 1}`).toBe('few lists: true');
    figure('told', heard.length);
    figure('watches', server.calls.length - lists);
    figure('lists', lists);
  },
);

lesson(
  'Your own server, your own client, and a network that is cut again and again: the copy misses nothing',
  {
    invariant: 3,
    byHand: 'npx tsx work/02-apiserver/copy.ts   # and, as root: ss -K dport = 6443',
    symbols: [
      'src/client/reflector.ts#Reflector.run',
      'src/client/reflector.ts#Reflector.#recover',
    ],
    timeoutMs: 60_000,
  },
  async ({ event, figure, signal }) => {
    // Only here: the client and the transport under it are loaded for this one test.
    const [{ Client }, { loadKubeconfig }, { Informer }] = await Promise.all([
      import('#src/client/client.ts'),
      import('#src/client/kubeconfig.ts'),
      import('#src/client/informer.ts'),
    ]);
    await using server = await startOwnServer(event, signal);
    const options = loadKubeconfig(server.kubeconfig);
    await using link = await faultyLink(Number(new URL(options.server).port));
    await using direct = new Client(options);
    await using client = new Client({ ...options, server: `https://127.0.0.1:${link.port}` });
    const informer = new Informer(client, resources.configMaps, {
      namespace: 'default',
      backoff: { baseMs: 5, maxMs: 20 },
    });
    const heard: string[] = [];
    informer.addHandler({
      onAdd: (object) => heard.push(`add ${shown(object)}`),
      onUpdate: (was, object) => heard.push(`update ${shown(was)} to ${shown(object)}`),
      onDelete: (object) => heard.push(`delete ${shown(object)}`),
    });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    try {
      await informer.synced(signal);
      event('60 changes with your client; the informer’s connection is cut after each third');
      const change = async (i: number): Promise<void> => {
        const ref = { namespace: 'default', name: `c${i % 7}` };
        if (i >= 7 && i % 5 === 0)
          await direct.delete(resources.configMaps, ref).catch(() => undefined);
        const data = { data: { i: String(i) } };
        await direct
          .patch(resources.configMaps, ref, data, { type: 'merge' })
          .catch(() => direct.create(resources.configMaps, { metadata: ref, ...data }));
      };
      for (let i = 0; i < 60; i += 1) {
        await change(i);
        if (i % 3 === 0) link.cut();
      }
      const { items } = await direct.list(resources.configMaps, { namespace: 'default' }, signal);
      const want = items.map(shown).sort();
      event('the copy is compared with a list');
      const copy = () => informer.list().map(shown).sort();
      while (copy().join() !== want.join() && !signal.aborted)
        await wait(10, undefined, { signal });
      expectLines(copy(), want);
      expectLines(believed(heard), want);
      figure('events', heard.length);
      figure('connections', link.accepted);
    } finally {
      stop.abort();
      await running;
    }
  },
);
