// Step 2, objects and guarded writes: what belongs to the server, and that nobody overwrites what he has not seen.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lesson } from '@kube-labs/docs/lesson';
import { openMemoryStore, silentLogger } from '@kube-labs/store';
import { expect } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import { mergePatch } from '#src/patch/merge-patch.ts';
import { mutableCopy, type ReadonlyApiObject } from '#src/registry/api-object.ts';
import { Storage, type WriteResult } from '#src/registry/storage.ts';
import { StoredObject } from '#src/registry/stored-object.ts';
import { checkSeen, keepSystemFields } from '#src/registry/system-fields.ts';
import { WatchCache } from '#src/registry/watch-cache.ts';
import type { WriteCompanion } from '#src/registry/write-companion.ts';
import type { WrittenValue } from '#src/registry/written-value.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import { slowly, withTxn } from './support/stores.ts';
import {
  GADGETS,
  openWorkshop,
  refOf,
  UPDATE,
  WIDGETS,
  type Widget,
  type Workshop,
  WRITE,
  widget,
} from './support/widgets.ts';

const SEED = Number(process.env.SEED ?? 1);
const FIELDS = 'src/registry/system-fields.ts';
const REGISTRY = 'src/registry/registry.ts';
const STORAGE = 'src/registry/storage.ts';
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** How a write ended: `done`, or the error that a client hears. */
function ending(write: () => unknown): string {
  try {
    write();
    return 'done';
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): string {
  if (!ApiError.is(error)) throw error;
  return `${error.code} ${error.reason}: ${error.message}`;
}

/** The same for one that takes its time; `done at 3` says at which resourceVersion. */
function endingOf(write: Promise<StoredObject>): Promise<string> {
  return write.then(({ object }) => `done at ${object.metadata.resourceVersion}`, refusal);
}

/** `field: value`, the fields in order; one that is there without a value is there. */
function fieldsOf(object: KubernetesObject | ReadonlyApiObject): string[] {
  return Object.entries(object.metadata ?? {})
    .map(([field, value]) => {
      const shown = field === 'uid' && UID.test(String(value)) ? '(a new one)' : value;
      return `${field}: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`;
    })
    .sort();
}

const asStored = (object: Widget): ReadonlyApiObject => object as ReadonlyApiObject;

/** A PUT: the client sends the whole object, whatever is there by then. */
const put =
  (sent: Widget) =>
  (_current: StoredObject): KubernetesObject =>
    mutableCopy(sent);

/** A PATCH: the client sends what is to change. */
const patch =
  (change: object) =>
  ({ object }: Pick<StoredObject, 'object'>): KubernetesObject =>
    mutableCopy(mergePatch(object, change) as KubernetesObject);

/** What a client read: a copy of its own. */
async function read({ registry, definition }: Workshop, name: string): Promise<Widget> {
  return mutableCopy((await registry.get(refOf(name, definition))).object);
}

lesson(
  'An update keeps what the server has set, whatever the client sends or leaves out, and nothing else',
  {
    invariant: 1,
    byHand:
      'kubectl patch configmap c --type merge -p \'{"metadata":{"creationTimestamp":"1999-01-01T00:00:00Z"}}\'   # no change',
    symbols: [`${FIELDS}#keepSystemFields`],
  },
  ({ event }) => {
    const kept = {
      name: 'a',
      namespace: 'shop',
      uid: 'theirs',
      creationTimestamp: '2026-01-02T03:04:05Z',
      generation: 4,
      resourceVersion: '41',
    };
    const old = Object.freeze(
      asStored(widget('a', { metadata: Object.freeze({ ...kept, labels: { old: 'yes' } }) })),
    );
    const wanted = [
      'creationTimestamp: 2026-01-02T03:04:05Z',
      'generation: 4',
      'name: a',
      'namespace: shop',
      'resourceVersion: 41',
      'uid: theirs',
    ];
    event('keepSystemFields of an object that says otherwise in every field of the server');
    const otherwise = widget('elsewhere/b', {
      metadata: {
        labels: { new: 'yes' },
        uid: 'mine',
        creationTimestamp: '1999-01-01T00:00:00Z',
        deletionTimestamp: '1999-01-01T00:00:00Z',
        deletionGracePeriodSeconds: 30,
        generation: 9,
        resourceVersion: '7',
        selfLink: '/here',
      },
    });
    keepSystemFields(otherwise, old);
    expectLines(fieldsOf(otherwise), [...wanted, 'labels: {"new":"yes"}'].sort());
    event('keepSystemFields of an object without metadata');
    const bare: KubernetesObject = { kind: 'Widget' };
    keepSystemFields(bare, old);
    expectLines(fieldsOf(bare), wanted);
    event('keepSystemFields of an object that is being deleted: its marks stay');
    const marked = asStored(
      widget('a', {
        metadata: { deletionTimestamp: '2026-01-02T03:04:35Z', deletionGracePeriodSeconds: 30 },
      }),
    );
    const unmarked = widget('a');
    keepSystemFields(unmarked, marked);
    expectLines(fieldsOf(unmarked), [
      'deletionGracePeriodSeconds: 30',
      'deletionTimestamp: 2026-01-02T03:04:35Z',
      'name: a',
      'namespace: default',
    ]);
  },
);

lesson(
  'A writer who says which version, or which object, he has seen is refused when it is not the one that is there',
  {
    invariant: 2,
    byHand:
      'kubectl get configmap c -o yaml > /tmp/c.yaml; kubectl label configmap c a=b; kubectl replace -f /tmp/c.yaml   # Conflict',
    symbols: [`${FIELDS}#checkSeen`],
  },
  ({ event }) => {
    const metadata = { uid: 'theirs', resourceVersion: '41' };
    const asks: Record<string, object> = {
      'version 41': { resourceVersion: '41' },
      'version 40': { resourceVersion: '40' },
      'version 41.0': { resourceVersion: '41.0' },
      'no version': {},
      'version ""': { resourceVersion: '' },
      'version 0': { resourceVersion: '0' },
      'the right uid': { uid: 'theirs', resourceVersion: '41' },
      'uid ""': { uid: '', resourceVersion: '41' },
      'another uid': { uid: 'mine', resourceVersion: '41' },
    };
    const answers = [WIDGETS, GADGETS].flatMap((definition) => {
      const old = asStored(widget('a', { metadata }, definition));
      return Object.entries(asks).map(([what, said]) => {
        const next = { metadata: { name: 'a', ...said } };
        event(`checkSeen: an update of the ${definition.singular} with ${what}`);
        return `${definition.singular}, ${what}: ${ending(() => checkSeen(next, old, definition))}`;
      });
    });
    const why =
      'the object has been modified; please apply your changes to the latest version and try again';
    const uids = 'Precondition failed: UID in precondition: mine, UID in object meta: theirs';
    const conflict = (resource: string, reason: string) =>
      `409 Conflict: Operation cannot be fulfilled on ${resource}.example.com "a": ${reason}`;
    const blind =
      '422 Invalid: gadgets.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update';
    expectLines(answers, [
      'widget, version 41: done',
      `widget, version 40: ${conflict('widgets', why)}`,
      `widget, version 41.0: ${conflict('widgets', why)}`,
      'widget, no version: done',
      'widget, version "": done',
      'widget, version 0: done',
      'widget, the right uid: done',
      'widget, uid "": done',
      `widget, another uid: ${conflict('widgets', uids)}`,
      'gadget, version 41: done',
      `gadget, version 40: ${conflict('gadgets', why)}`,
      `gadget, version 41.0: ${conflict('gadgets', why)}`,
      `gadget, no version: ${blind}`,
      `gadget, version "": ${blind}`,
      `gadget, version 0: ${blind}`,
      'gadget, the right uid: done',
      'gadget, uid "": done',
      `gadget, another uid: ${conflict('gadgets', uids)}`,
    ]);
  },
);

/** `written at 3`, or `lost to 3`. */
function wrote(result: WriteResult): string {
  if (result.kind === 'written') {
    return `written at ${result.revision}${result.stored === undefined ? ', and gone' : ''}`;
  }
  return `lost to ${result.current?.revision ?? 'nothing'}`;
}

lesson(
  'A write says which revision it has seen, and of two that have seen the same only one is done',
  {
    invariant: 2,
    byHand:
      "for i in 1 2 3; do kubectl annotate configmap c n=$i --overwrite -o jsonpath='{.metadata.resourceVersion} '; done",
    symbols: [`${STORAGE}#Storage.#commit`],
  },
  async ({ event }) => {
    await using shop = await openWorkshop();
    const { storage, store } = shop;
    const key = shop.keyOf('a');
    const write = (seenRevision: number, color: string | undefined) => {
      event(`write ${color ?? '(nothing: it goes)'}, having seen revision ${seenRevision}`);
      const object = color === undefined ? undefined : widget('a', { spec: { color } });
      return storage.write({ key, seenRevision, object });
    };
    expectLines(
      [
        wrote(await write(0, 'red')),
        wrote(await write(0, 'green')),
        wrote(await write(2, 'blue')),
        wrote(await write(2, undefined)),
      ],
      ['written at 2', 'lost to 2', 'written at 3', 'lost to 3'],
    );
    expect((await shop.inStore('a'))?.spec?.color).toBe('blue');
    event('two writes at once, both having seen revision 3');
    const both = await Promise.all([write(3, 'black'), write(3, 'white')]);
    expectLines(both.map(wrote), ['written at 4', 'lost to 4']);
    expectLines(
      [wrote(await write(4, undefined)), wrote(await write(4, 'red'))],
      ['written at 5, and gone', 'lost to nothing'],
    );
    event('write together with a part: another key, which must not be there');
    const part = (other: string) => ({
      compare: [{ key: other, target: 'mod', result: '=', value: 0 } as const],
      ops: [{ kind: 'put', key: other, value: Buffer.from('a') } as const],
    });
    const object = widget('a');
    const withPart = (other: string) =>
      storage.write({ key, seenRevision: 0, object, parts: part(other) });
    await store.put({ key: '/address/1', value: Buffer.from('taken') });
    expectLines(
      [wrote(await withPart('/address/1')), wrote(await withPart('/address/2'))],
      ['lost to nothing', 'written at 7'],
    );
    const { kvs } = await store.range({ key: '/address/', rangeEnd: '/address0' });
    expectLines(
      kvs.map((kv) => `${kv.key} at ${kv.modRevision}`),
      ['/address/1 at 6', '/address/2 at 7'],
    );
  },
);

lesson(
  'The cache is told what is being written, and told to forget it when it was not',
  {
    invariant: 2,
    byHand:
      'kubectl get configmap c --watch & kubectl label configmap c n=1   # its event is parsed once',
    symbols: [`${STORAGE}#Storage.#commit`],
  },
  async ({ event }) => {
    const told: string[] = [];
    class ToldCache extends WatchCache {
      override expect(key: string, _write: WrittenValue): () => void {
        told.push(`expect ${key}`);
        return () => void told.push(`forget ${key}`);
      }
    }
    await using memory = await openMemoryStore();
    let refuses = false;
    const store = withTxn(memory, (own) => async (request) => {
      told.push('transaction');
      if (refuses) throw new Error('the disk is full');
      return own(request);
    });
    const silent = new ToldCache({ store, prefix: '/w/', log: silentLogger });
    const storage = new Storage(store, silent);
    const write = (object: Widget | undefined, seenRevision: number) =>
      storage.write({ key: '/w/a', seenRevision, object }).then(wrote, String);
    event('write an object, then lose one, then delete; then the store refuses');
    told.push(await write(widget('a'), 0));
    told.push(await write(widget('a'), 0));
    told.push(await write(undefined, 2));
    refuses = true;
    told.push(await write(widget('a'), 0));
    expectLines(told, [
      'expect /w/a',
      'transaction',
      'written at 2',
      'expect /w/a',
      'transaction',
      'forget /w/a',
      'lost to 2',
      'transaction',
      'written at 3, and gone',
      'expect /w/a',
      'transaction',
      'forget /w/a',
      'Error: the disk is full',
    ]);
  },
);

lesson(
  'A create writes only where nothing is: of ten that want the same name one gets it; a dry run does all but the write',
  {
    invariant: 3,
    byHand:
      'for i in 1 2 3 4 5; do kubectl create configmap race --from-literal=by=$i & done; wait   # one "created", four AlreadyExists',
    symbols: [`${STORAGE}#Storage.#commit`],
  },
  async ({ event }) => {
    await using shop = await openWorkshop();
    const { registry } = shop;
    const dry = { ...WRITE, dryRun: true };
    const create = (object: Widget, options = WRITE) =>
      endingOf(registry.create(object, 'default', options));
    const sent = widget('a', { spec: { size: 3 } });
    event('create a as a dry run, then in earnest, then again, also as a dry run');
    const answers = [
      await create(sent, dry),
      String(await shop.inStore('a')),
      await create(sent),
      await create(sent),
      await create(sent, dry),
      await create(widget('b', { spec: { size: 0 } }), dry),
    ];
    const exists = '409 AlreadyExists: widgets.example.com "a" already exists';
    expectLines(answers, [
      'done at undefined',
      'undefined',
      'done at 2',
      exists,
      exists,
      '422 Invalid: Widget.example.com "b" is invalid: spec.size: Invalid value: 0: must be greater than 0',
    ]);
    expect(sent, 'what the caller gave is as it was').toEqual(widget('a', { spec: { size: 3 } }));
    event('ten creates of race at once');
    const ten = await Promise.all(
      Array.from({ length: 10 }, (_, n) => create(widget('race', { spec: { size: n + 1 } }))),
    );
    expectLines([...ten].sort(), [
      ...Array(9).fill('409 AlreadyExists: widgets.example.com "race" already exists'),
      'done at 3',
    ]);
    expect((await shop.inStore('race'))?.modRevision).toBe(3);
  },
);

lesson(
  "Two clients PUT what both have read: the second hears Conflict, and the first one's change is still there",
  {
    invariant: 2,
    byHand:
      'kubectl get configmap c -o yaml > /tmp/c.yaml; kubectl replace -f /tmp/c.yaml; kubectl label configmap c a=2; kubectl replace -f /tmp/c.yaml',
    symbols: [`${REGISTRY}#Registry.update`, `${REGISTRY}#Registry.#replace`],
  },
  async ({ event }) => {
    await using shop = await openWorkshop();
    const { registry } = shop;
    const update = (sent: Widget, options = UPDATE) =>
      endingOf(registry.update(refOf('a'), put(sent), options));
    expect(await update(widget('a'))).toBe('404 NotFound: widgets.example.com "a" not found');
    await shop.create('a', { spec: { color: 'red' } });
    const [one, other] = [await read(shop, 'a'), await read(shop, 'a')];
    event('one client makes it green, the other one large; both saw version 2');
    const answers = [
      await update({ ...one, spec: { color: 'green' } }),
      await update({ ...other, spec: { color: 'red', size: 9 } }),
    ];
    const conflict =
      '409 Conflict: Operation cannot be fulfilled on widgets.example.com "a": the object has been modified; please apply your changes to the latest version and try again';
    expectLines(answers, ['done at 3', conflict]);
    expect((await shop.inStore('a'))?.spec).toEqual({ color: 'green' });
    event('both at once, having seen version 3');
    const third = await read(shop, 'a');
    const both = await Promise.all([
      update({ ...third, spec: { color: 'black' } }),
      update({ ...third, spec: { color: 'white' } }),
    ]);
    expectLines([...both].sort(), [conflict, 'done at 4']);
    event('the same once more, without a change: no revision passes');
    const fourth = await read(shop, 'a');
    expectLines([await update(fourth)], ['done at 4']);
    event('a dry run of a change: an answer, and nothing else; and one of nonsense');
    const dry = { ...UPDATE, dryRun: true };
    const dried = await registry.update(refOf('a'), put({ ...fourth, spec: { size: 5 } }), dry);
    expect((dried.object as Widget).spec).toEqual({ size: 5 });
    expect(dried.revision, 'the revision of a dry run is that of what is there').toBe(4);
    expect(await update({ ...fourth, spec: { size: 0 } }, dry)).toContain('must be greater than 0');
    expect((await shop.inStore('a'))?.modRevision).toBe(4);
    event('the same, without a change, but it lies in the store as nobody encrypts any more');
    const [kv] = (await shop.store.range({ key: shop.keyOf('a') })).kvs;
    if (kv === undefined) throw new Error('The widget a is not in the store');
    const fromStorage = (plain: Buffer) => ({ plain, isStale: true });
    const stale = StoredObject.decode(kv, { fromStorage, toStorage: (plain) => plain });
    shop.storage.get = async () => stale;
    expectLines([await update(fourth)], ['done at 5']);
  },
);

lesson(
  'Who says only what to change never hears of a race: the change is made again, of the state that won',
  {
    invariant: 4,
    byHand:
      'for i in 1 2 3 4 5; do kubectl patch configmap c --type merge -p "{\\"data\\":{\\"k$i\\":\\"v\\"}}" & done; wait   # all five are there',
    symbols: [`${REGISTRY}#Registry.update`],
  },
  async ({ event, figure }) => {
    const random = randomOf(SEED);
    await using shop = await openWorkshop({ around: (store) => slowly(store, random) });
    const { registry } = shop;
    await shop.create('a', { spec: { color: 'red' } });
    event('two patches at once: one of the color, one of the size');
    const both = await Promise.all([
      endingOf(registry.update(refOf('a'), patch({ spec: { color: 'green' } }), UPDATE)),
      endingOf(registry.update(refOf('a'), patch({ spec: { size: 9 } }), UPDATE)),
    ]);
    expectLines([...both].sort(), ['done at 3', 'done at 4']);
    expect((await shop.inStore('a'))?.spec).toEqual({ color: 'green', size: 9 });
    event('a patch that says which version it has seen, and it is an old one');
    const old = patch({ metadata: { resourceVersion: '3' }, spec: { size: 1 } });
    expect(await endingOf(registry.update(refOf('a'), old, UPDATE))).toContain('409 Conflict');
    event(`SEED=${SEED}: twenty who add one, all at once`);
    const get = shop.storage.get.bind(shop.storage);
    let reads = 0;
    shop.storage.get = (key) => {
      reads++;
      return get(key);
    };
    const seen: string[] = [];
    const addOne = async ({ object }: StoredObject): Promise<KubernetesObject> => {
      seen.push(object.metadata.resourceVersion ?? '');
      await nextTurn();
      const { spec = {} } = object as Widget;
      return patch({ spec: { size: (spec.size ?? 0) + 1 } })({ object });
    };
    const writers = Array.from({ length: 20 }, () => registry.update(refOf('a'), addOne, UPDATE));
    await Promise.all(writers);
    expect((await shop.inStore('a'))?.spec).toEqual({ color: 'green', size: 29 });
    expect(reads, 'each reads once: the lost write has said what is there now').toBe(20);
    figure('tries', seen.length);
    event('a patch of an object that somebody deletes meanwhile');
    const gone = registry.update(
      refOf('a'),
      async (current) => {
        await shop.store.deleteRange({ key: shop.keyOf('a') });
        return patch({ spec: { size: 1 } })(current);
      },
      UPDATE,
    );
    expect(await endingOf(gone)).toBe('404 NotFound: widgets.example.com "a" not found');
  },
);

lesson(
  'What else must be true joins the transaction of the object: both are written, or neither, and it is asked again after a loss',
  {
    invariant: 5,
    byHand:
      'for i in 1 2 3; do kubectl create service clusterip s$i --tcp=80 & done; wait; kubectl get services   # no address twice',
    symbols: [`${REGISTRY}#Registry.update`, `${REGISTRY}#Registry.#replace`],
  },
  async ({ event }) => {
    const told: string[] = [];
    let colors: string[] = [];
    // Gives each widget without a color one that nobody has: it does not look first, the transaction does.
    const painter: WriteCompanion = {
      async prepare(next, current, attempt) {
        const wanted = next as Widget | undefined;
        const had = (current as Widget | undefined)?.spec?.color ?? 'none';
        told.push(`attempt ${attempt}: ${wanted?.spec?.color ?? 'none'}, had ${had}`);
        const color = colors[Math.min(attempt, colors.length) - 1] ?? 'red';
        if (wanted !== undefined) wanted.spec = { ...wanted.spec, color };
        const key = `/color/${color}`;
        return {
          compare: [{ key, target: 'mod', result: '=', value: 0 }],
          ops: [{ kind: 'put', key, value: Buffer.from(wanted?.metadata?.name ?? '') }],
          release: () => void told.push(`attempt ${attempt} is over`),
        };
      },
    };
    await using shop = await openWorkshop({ companions: [painter] });
    const taken = async () => {
      const { kvs } = await shop.store.range({ key: '/color/', rangeEnd: '/color0' });
      return kvs.map(({ key, modRevision }) => `${key} at ${modRevision}`).join(', ');
    };
    const step = async (what: string, write: () => Promise<StoredObject>) => {
      event(what);
      told.push(`${what}: ${await endingOf(write())}; ${await taken()}`);
    };
    await shop.store.put({ key: '/color/red', value: Buffer.from('somebody else') });
    colors = ['red', 'blue'];
    await step('create a', () => shop.create('a'));
    // The patch changes nothing; what the companion fills in does.
    colors = ['red', 'green'];
    await step('patch a', () => shop.registry.update(refOf('a'), patch({}), UPDATE));
    colors = ['black'];
    await step('create b as a dry run', () =>
      shop.registry.create(widget('b'), 'default', { ...WRITE, dryRun: true }),
    );
    expectLines(told, [
      'attempt 1: none, had none',
      'attempt 1 is over',
      'attempt 2: none, had none',
      'attempt 2 is over',
      'create a: done at 3; /color/blue at 3, /color/red at 2',
      'attempt 1: blue, had blue',
      'attempt 1 is over',
      'attempt 2: blue, had blue',
      'attempt 2 is over',
      'patch a: done at 4; /color/blue at 3, /color/green at 4, /color/red at 2',
      'attempt 1: none, had none',
      'attempt 1 is over',
      'create b as a dry run: done at undefined; /color/blue at 3, /color/green at 4, /color/red at 2',
    ]);
    event('a companion that never agrees');
    told.length = 0;
    colors = ['red'];
    const answers = [
      await endingOf(shop.create('c')),
      await endingOf(shop.registry.update(refOf('a'), patch({ spec: { size: 3 } }), UPDATE)),
    ].map((answer) => answer.slice(0, 70));
    expectLines(
      [...answers, `${told.filter((line) => line.endsWith('over')).length} attempts`],
      [
        '409 Conflict: Operation cannot be fulfilled on widgets.example.com "c"',
        '409 Conflict: Operation cannot be fulfilled on widgets.example.com "a"',
        '128 attempts',
      ],
    );
  },
);

lesson(
  'Whoever writes, however many at once: every write that was answered with "done" is in what is there at the end',
  {
    invariant: 2,
    byHand:
      'kubectl create configmap sum --from-literal=n=0   # then many who read, add one, replace',
    symbols: [`${STORAGE}#Storage.#commit`, `${REGISTRY}#Registry.update`],
  },
  async ({ event, figure }) => {
    const random = randomOf(SEED);
    await using shop = await openWorkshop({ around: (store) => slowly(store, random) });
    const names = ['a', 'b'];
    for (const name of names) await shop.create(name, { spec: { size: 1 } });
    const done: Record<string, number> = { a: 0, b: 0 };
    let conflicts = 0;
    event(`SEED=${SEED}: eight writers on two widgets, twelve times each`);
    const writer = async (): Promise<void> => {
      for (let n = 0; n < 12; n++) {
        const name = names[random(names.length)] ?? 'a';
        const seen = await read(shop, name);
        for (let turns = random(3); turns > 0; turns--) await nextTurn();
        const more = { ...seen, spec: { ...seen.spec, size: (seen.spec?.size ?? 0) + 1 } };
        const answer = await endingOf(shop.registry.update(refOf(name), put(more), UPDATE));
        if (answer.startsWith('done')) done[name] = (done[name] ?? 0) + 1;
        else if (answer.startsWith('409 Conflict')) conflicts++;
        else throw new Error(answer);
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    for (const name of names) {
      expect({ [name]: (await shop.inStore(name))?.spec?.size }).toEqual({
        [name]: 1 + (done[name] ?? 0),
      });
    }
    figure('writes', (done.a ?? 0) + (done.b ?? 0));
    figure('conflicts', conflicts);
  },
);
