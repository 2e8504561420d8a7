// Step 4, deletion: an object goes when nobody holds it any more; until then it is marked, and says until when.
import { lesson } from '@kube-labs/docs/lesson';
import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { expect } from 'vitest';
import type { AdmissionPlugin } from '#src/admission/admission.ts';
import { ApiError } from '#src/api-error.ts';
import type { KubernetesObject } from '#src/client/resources.ts';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import {
  checkPreconditions,
  type DeletionPlan,
  isReleasedBy,
  planDeletion,
} from '#src/registry/deletion.ts';
import type { ResourceDefinition } from '#src/registry/resource-definition.ts';
import type { WriteCompanion } from '#src/registry/write-companion.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import {
  NAMESPACES,
  openWorkshop,
  PODS,
  refOf,
  UPDATE,
  WIDGETS,
  type Widget,
  type Workshop,
  WRITE,
  widget,
} from './support/widgets.ts';

const SEED = Number(process.env.SEED ?? 1);
const NOW_MS = Date.UTC(2030, 0, 1);
const JOBS: ResourceDefinition = { ...WIDGETS, group: 'batch', kind: 'Job', resource: 'jobs' };
const CONTROLLERS: ResourceDefinition = {
  ...WIDGETS,
  group: '',
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
};

/** An object as it was stored; `metadata` may add to what every one has. */
function stored(more: Partial<Widget> = {}, definition = WIDGETS): ReadonlyApiObject {
  const object = widget('a', more, definition);
  const metadata = { uid: 'uid-1', resourceVersion: '41', generation: 1, ...object.metadata };
  return { ...object, metadata } as ReadonlyApiObject;
}

/** A pod that a kubelet runs. */
const running = (more: Partial<Widget> = {}) =>
  stored({ ...more, spec: { nodeName: 'node-a', ...more.spec } }, PODS);

/** What was promised by an earlier DELETE, `atSeconds` after NOW_MS. */
const promised = (graceSeconds: number, atSeconds = 0) => ({
  deletionGracePeriodSeconds: graceSeconds,
  deletionTimestamp: timeOf(atSeconds + graceSeconds),
});

const timeOf = (seconds: number): string =>
  new Date(NOW_MS + seconds * 1000).toISOString().replace('.000', '');

/** When an object will be gone: seconds after NOW_MS. */
const endOf = ({ metadata }: KubernetesObject): string =>
  metadata?.deletionTimestamp === undefined
    ? 'not marked'
    : `gone at ${(Date.parse(metadata.deletionTimestamp) - NOW_MS) / 1000} s`;

/** A plan as one line: mark: gone at 30 s, grace 30 s, held by x. */
function told(plan: DeletionPlan): string {
  if (plan.kind !== 'mark') return plan.kind;
  const { deletionGracePeriodSeconds: grace, finalizers = [] } = plan.object.metadata ?? {};
  const parts = [
    endOf(plan.object),
    `grace ${grace} s`,
    ...finalizers.map((one) => `held by ${one}`),
  ];
  return `mark: ${parts.join(', ')}`;
}

const generationOf = (plan: DeletionPlan): string =>
  plan.kind === 'mark' ? `generation ${plan.object.metadata?.generation}` : plan.kind;

/** What becomes of an object whose deletion is asked for `atSeconds` after NOW_MS. */
function plan(
  object: ReadonlyApiObject,
  options: DeleteOptions = {},
  {
    definition = WIDGETS,
    atSeconds = 0,
  }: { definition?: ResourceDefinition; atSeconds?: number } = {},
): string {
  const before = JSON.stringify(object);
  const done = planDeletion(object, options, { definition, nowMs: NOW_MS + atSeconds * 1000 });
  if (JSON.stringify(object) !== before) throw new Error('planDeletion changed the stored object');
  return told(done);
}

/** How a request ended: its error, or what it says. */
function ending(work: Promise<string>): Promise<string> {
  return work.catch((error: unknown) => {
    if (!ApiError.is(error)) throw error;
    return `${error.reason}: ${error.message}`;
  });
}

/** A DELETE by the registry, as one line. */
async function remove(
  { registry, definition }: Workshop,
  name: string,
  options: DeleteOptions = {},
  how = WRITE,
): Promise<string> {
  const answer = await registry.delete(refOf(name, definition), options, how);
  const { finalizers = [], deletionTimestamp } = answer.stored.object.metadata;
  const there = deletionTimestamp === undefined ? 'there' : 'marked';
  return `${answer.removed ? 'gone' : there}: ${[name, ...finalizers].join(', held by ')}`;
}

/** An update that leaves only these finalizers. */
function hold({ registry, definition }: Workshop, name: string, ...finalizers: string[]) {
  const change = ({ object }: { readonly object: ReadonlyApiObject }): KubernetesObject => ({
    ...object,
    metadata: { ...object.metadata, finalizers },
  });
  return registry.update(refOf(name, definition), change, UPDATE);
}

lesson(
  'Who names a uid or a resourceVersion deletes that object in that state, or nothing',
  {
    invariant: 5,
    byHand: `kubectl delete --raw /api/v1/namespaces/default/configmaps/a -f - <<< '{"preconditions":{"uid":"x"}}'`,
    symbols: ['src/registry/deletion.ts#checkPreconditions'],
  },
  async ({ event }) => {
    const check = async (preconditions?: DeleteOptions['preconditions']) => {
      event(`checkPreconditions ${JSON.stringify(preconditions)}`);
      const options = preconditions === undefined ? {} : { preconditions };
      return ending(
        (async () => {
          checkPreconditions(stored(), options, WIDGETS);
          return 'fine';
        })(),
      );
    };
    expect(await check()).toBe('fine');
    expect(await check({ uid: 'uid-1' })).toBe('fine');
    expect(await check({ uid: 'uid-1', resourceVersion: '41' })).toBe('fine');
    const clash = 'Conflict: Operation cannot be fulfilled on Widget.example.com "a": ';
    expect(await check({ uid: 'uid-0' })).toBe(
      `${clash}the UID in the precondition (uid-0) does not match the UID in record (uid-1). The object might have been deleted and then recreated`,
    );
    expect(await check({ uid: '' })).toContain('does not match the UID in record (uid-1)');
    expect(await check({ uid: 'uid-1', resourceVersion: '40' })).toBe(
      `${clash}the ResourceVersion in the precondition (40) does not match the ResourceVersion in record (41). The object might have been modified`,
    );
  },
);

lesson(
  'What nobody holds goes at once; what a finalizer holds is marked as gone by now, and stays',
  {
    invariant: 1,
    byHand: `kubectl create cm a; kubectl patch cm a -p '{"metadata":{"finalizers":["x.org/y"]}}'; kubectl delete cm a --wait=false; kubectl get cm a -o yaml`,
    symbols: ['src/registry/deletion.ts#planDeletion', 'src/registry/deletion.ts#graceOf'],
  },
  ({ event }) => {
    event('planDeletion of an object without finalizers, with none left, with two');
    expect(plan(stored())).toBe('remove');
    expect(plan(stored({ metadata: { finalizers: [] } }))).toBe('remove');
    const held = stored({ metadata: { finalizers: ['x', 'y'] } });
    expect(plan(held)).toBe('mark: gone at 0 s, grace 0 s, held by x, held by y');
    event('no grace period makes a difference, as no kubelet runs a widget');
    const without = { gracePeriodSeconds: 0 };
    expect(plan(held, without)).toBe('mark: gone at 0 s, grace 0 s, held by x, held by y');
    expect(plan(held, { gracePeriodSeconds: 9 })).toBe(
      'mark: gone at 0 s, grace 0 s, held by x, held by y',
    );
    event('marking counts as a change of what is wanted: the generation goes from 1 to 2');
    const marked = planDeletion(held, {}, { definition: WIDGETS, nowMs: NOW_MS });
    expect(generationOf(marked)).toBe('generation 2');
    const { generation: _, ...metadata } = held.metadata;
    const never = { ...held, metadata };
    expect(generationOf(planDeletion(never, {}, { definition: WIDGETS, nowMs: NOW_MS }))).toBe(
      'generation undefined',
    );
    event('a kind that has something to say when its end begins says it once');
    const said: string[] = [];
    const prepareForDeletion = ({ metadata }: KubernetesObject, now: string) => {
      said.push(`${metadata?.name} at ${now}`);
      if (metadata !== undefined) metadata.labels = { ends: 'soon' };
    };
    const strategy = { ...WIDGETS.strategy, prepareForDeletion };
    const definition = { ...WIDGETS, strategy };
    plan(held, {}, { definition });
    plan(stored({ metadata: { finalizers: ['x'], ...promised(0) } }), {}, { definition });
    expectLines(said, [`a at ${timeOf(0)}`]);
    event('the second DELETE, 20 s later: it is marked already');
    const again = stored({ metadata: { finalizers: ['x'], ...promised(0) } });
    expect(plan(again, {}, { atSeconds: 20 })).toBe('keep');
    expect(plan(again, without, { atSeconds: 20 })).toBe('keep');
    expect(plan(stored({ metadata: promised(0) }))).toBe('remove');
  },
);

lesson(
  'What shall become of the dependents is a finalizer: orphan, foregroundDeletion, or none',
  {
    invariant: 3,
    byHand:
      'kubectl delete deploy web --cascade=foreground --wait=false; kubectl get deploy web -o yaml',
    symbols: [
      'src/registry/deletion.ts#setCollectionFinalizers',
      'src/registry/deletion.ts#planDeletion',
    ],
  },
  ({ event }) => {
    const orphan = 'mark: gone at 0 s, grace 0 s, held by orphan';
    const foreground = 'mark: gone at 0 s, grace 0 s, held by foregroundDeletion';
    event('the policies Orphan, Foreground, Background');
    expect(plan(stored(), { propagationPolicy: 'Orphan' })).toBe(orphan);
    expect(plan(stored(), { propagationPolicy: 'Foreground' })).toBe(foreground);
    expect(plan(stored(), { propagationPolicy: 'Background' })).toBe('remove');
    event('the old way of saying it: orphanDependents');
    expect(plan(stored(), { orphanDependents: true })).toBe(orphan);
    expect(plan(stored(), { orphanDependents: false })).toBe('remove');
    event('other finalizers stay, and come first');
    const held = stored({ metadata: { finalizers: ['orphan', 'x'] } });
    expect(plan(held, { propagationPolicy: 'Foreground' })).toBe(
      'mark: gone at 0 s, grace 0 s, held by x, held by foregroundDeletion',
    );
    event('who says nothing gets what the object says already');
    expect(plan(stored({ metadata: { finalizers: ['foregroundDeletion'] } }))).toBe(foreground);
    expect(plan(stored({ metadata: { finalizers: ['orphan'] } }))).toBe(orphan);
    event('Background, for a pod that orphan held: no finalizer is left, and so no property');
    const background = { propagationPolicy: 'Background' };
    const pod = running({ metadata: { finalizers: ['orphan'] } });
    const left = planDeletion(pod, background, { definition: PODS, nowMs: NOW_MS });
    expect(told(left)).toBe('mark: gone at 30 s, grace 30 s');
    const properties = Object.keys((left.kind === 'mark' ? left.object.metadata : {}) ?? {});
    expect(`${properties.filter((name) => name === 'finalizers')}` || 'none').toBe('none');
    event('or else what is usual for the resource');
    expect(plan(stored({}, CONTROLLERS), {}, { definition: CONTROLLERS })).toBe(orphan);
    expect(plan(stored({}, JOBS), {}, { definition: JOBS })).toBe(orphan);
    expect(plan(stored({}, JOBS), background, { definition: JOBS })).toBe('remove');
    event('a marked object: another policy changes its finalizers, and neither time nor grace');
    const marked = stored({
      metadata: { finalizers: ['x', 'foregroundDeletion'], ...promised(0) },
    });
    expect(plan(marked, { propagationPolicy: 'Orphan' }, { atSeconds: 9 })).toBe(
      'mark: gone at 0 s, grace 0 s, held by x, held by orphan',
    );
    expect(plan(marked, { propagationPolicy: 'Foreground' }, { atSeconds: 9 })).toBe('keep');
  },
);

lesson(
  'A pod that a kubelet runs gets time to end; one that none runs goes at once, and so does any other kind',
  {
    invariant: 2,
    byHand:
      'kubectl delete pod web --wait=false; kubectl get pod web -o yaml   # deletionTimestamp',
    symbols: ['src/registry/deletion.ts#graceOf', 'src/registry/deletion.ts#planDeletion'],
  },
  ({ event }) => {
    const pod = (object: ReadonlyApiObject, options?: DeleteOptions) =>
      plan(object, options, { definition: PODS });
    event('a pod on a node: 30 s; its own terminationGracePeriodSeconds; what the request says');
    expect(pod(running())).toBe('mark: gone at 30 s, grace 30 s');
    const patient = running({ spec: { terminationGracePeriodSeconds: 90 } as object });
    expect(pod(patient)).toBe('mark: gone at 90 s, grace 90 s');
    expect(pod(patient, { gracePeriodSeconds: 5 })).toBe('mark: gone at 5 s, grace 5 s');
    expect(pod(patient, { gracePeriodSeconds: 300 })).toBe('mark: gone at 300 s, grace 300 s');
    event('0 is at once; what is below 0 is a second, whoever wants it');
    expect(pod(running(), { gracePeriodSeconds: 0 })).toBe('remove');
    expect(pod(running(), { gracePeriodSeconds: -1 })).toBe('mark: gone at 1 s, grace 1 s');
    const hasty = running({ spec: { terminationGracePeriodSeconds: -5 } as object });
    expect(pod(hasty)).toBe('mark: gone at 1 s, grace 1 s');
    event('a pod without a node, one that has succeeded, one that has failed');
    expect(pod(stored({}, PODS), { gracePeriodSeconds: 60 })).toBe('remove');
    expect(pod(running({ spec: { nodeName: '' } }))).toBe('remove');
    expect(pod(running({ status: { phase: 'Succeeded' } }))).toBe('remove');
    expect(pod(running({ status: { phase: 'Failed' } }))).toBe('remove');
    expect(pod(running({ status: { phase: 'Running' } }))).toBe('mark: gone at 30 s, grace 30 s');
    event('a kind of the same name in another group is another kind');
    const others = { ...PODS, group: 'example.com' };
    expect(plan(stored({ spec: { nodeName: 'a' } }, others), {}, { definition: others })).toBe(
      'remove',
    );
  },
);

lesson(
  'A second DELETE can hurry a pod, counted from the first; it never gives it more time',
  {
    invariant: 2,
    byHand:
      'kubectl delete pod web --wait=false; kubectl delete pod web --grace-period=300 --wait=false; kubectl get pod web -o yaml',
    symbols: ['src/registry/deletion.ts#graceOf', 'src/registry/deletion.ts#planDeletion'],
  },
  ({ event }) => {
    const second = (options: DeleteOptions, atSeconds: number, finalizers?: string[]) => {
      event(`deleted at 0 s with 30 s; at ${atSeconds} s again with ${JSON.stringify(options)}`);
      const metadata = { ...promised(30), ...(finalizers === undefined ? {} : { finalizers }) };
      return plan(running({ metadata }), options, { definition: PODS, atSeconds });
    };
    expect(second({}, 10)).toBe('keep');
    expect(second({ gracePeriodSeconds: 30 }, 10)).toBe('keep');
    expect(second({ gracePeriodSeconds: 300 }, 10)).toBe('keep');
    expect(second({ gracePeriodSeconds: 20 }, 5)).toBe('mark: gone at 20 s, grace 20 s');
    expect(second({ gracePeriodSeconds: 20 }, 25)).toBe('mark: gone at 20 s, grace 20 s');
    expect(second({ gracePeriodSeconds: -1 }, 5)).toBe('mark: gone at 1 s, grace 1 s');
    event('shorter, the second time: the generation stays, as it was marked before');
    const hurried = running({ metadata: { ...promised(30), generation: 7 } });
    const options = { gracePeriodSeconds: 20 };
    expect(generationOf(planDeletion(hurried, options, { definition: PODS, nowMs: NOW_MS }))).toBe(
      'generation 7',
    );
    event('what was promised to a pod holds, also when its containers have ended meanwhile');
    const ended = running({ metadata: promised(30), status: { phase: 'Succeeded' } });
    expect(plan(ended, {}, { definition: PODS, atSeconds: 10 })).toBe('keep');
    event('the kubelet has stopped the containers, and says so with a grace period of 0');
    expect(second({ gracePeriodSeconds: 0 }, 12)).toBe('remove');
    expect(second({ gracePeriodSeconds: 0 }, 12, ['x'])).toBe(
      'mark: gone at 0 s, grace 0 s, held by x',
    );
    event('as long as it waits for the kubelet, nothing but the time can be changed');
    expect(second({ propagationPolicy: 'Orphan' }, 10)).toBe('keep');
  },
);

lesson(
  'A namespace is also held by spec.finalizers, and tells everybody that it ends',
  {
    invariant: 1,
    byHand: 'kubectl create ns shop; kubectl delete ns shop --wait=false; kubectl get ns',
    symbols: ['src/registry/deletion.ts#planDeletion'],
  },
  ({ event }) => {
    const place = { definition: NAMESPACES };
    event('a namespace that its spec.finalizers hold, one that nothing holds');
    const status = { phase: 'Active', more: 'stays' };
    const held = stored({ spec: { finalizers: ['kubernetes'] }, status }, NAMESPACES);
    const marked = planDeletion(held, {}, { ...place, nowMs: NOW_MS });
    expect(told(marked)).toBe('mark: gone at 0 s, grace 0 s');
    const next = (marked.kind === 'mark' ? marked.object : {}) as Widget;
    expect(JSON.stringify(next.status)).toBe('{"phase":"Terminating","more":"stays"}');
    expect(plan(stored({ spec: { finalizers: [] } }, NAMESPACES), {}, place)).toBe('remove');
    event('an object of another kind with such a field');
    expect(plan(stored({ spec: { finalizers: ['kubernetes'] } }))).toBe('remove');
  },
);

lesson(
  'An update releases an object when it takes away the last thing that held it, and it was marked',
  {
    invariant: 4,
    byHand: `kubectl delete cm a --wait=false; kubectl patch cm a -p '{"metadata":{"finalizers":null}}'; kubectl get cm a`,
    symbols: ['src/registry/deletion.ts#isReleasedBy'],
  },
  ({ event }) => {
    const mark = promised(0);
    const { deletionTimestamp } = mark;
    const rows: [string, Partial<Widget>, ResourceDefinition?][] = [
      ['not marked', {}],
      ['marked', { metadata: mark }],
      ['marked, period absent', { metadata: { deletionTimestamp } }],
      ['marked, no finalizer left', { metadata: { ...mark, finalizers: [] } }],
      ['marked, one left', { metadata: { ...mark, finalizers: ['x'] } }],
      ['marked, with 30 s', { metadata: promised(30) }],
      ['a namespace that is held', { metadata: mark, spec: { finalizers: ['k'] } }, NAMESPACES],
      ['a namespace that is not', { metadata: mark, spec: { finalizers: [] } }, NAMESPACES],
    ];
    event('isReleasedBy of objects that are marked or not, and held or not');
    const told = rows.map(([what, more, definition]) => {
      const isReleased = isReleasedBy(widget('a', more, definition));
      return `${what}: ${isReleased ? 'goes' : 'stays'}`;
    });
    expectLines(told, [
      'not marked: stays',
      'marked: goes',
      'marked, period absent: goes',
      'marked, no finalizer left: goes',
      'marked, one left: stays',
      'marked, with 30 s: stays',
      'a namespace that is held: stays',
      'a namespace that is not: goes',
    ]);
  },
);

lesson(
  'A DELETE takes the object out of the store, or leaves it there marked until its last finalizer has gone',
  {
    invariant: 4,
    byHand: 'kubectl delete cm a; kubectl delete cm a   # NotFound',
    symbols: ['src/registry/registry.ts#Registry.delete', 'src/registry/deletion.ts#isReleasedBy'],
  },
  async ({ event }) => {
    const left: boolean[] = [];
    const clerk: WriteCompanion = {
      async prepare(next) {
        left.push(next !== undefined);
        return { compare: [], ops: [] };
      },
    };
    await using shop = await openWorkshop({ companions: [clerk] });
    await shop.create('free');
    await shop.create('held', { metadata: { finalizers: ['x.org/a', 'x.org/b'] } });
    event('delete free; delete it again');
    expect(await remove(shop, 'free')).toBe('gone: free');
    expect(left.at(-1), 'a companion hears that it goes').toBe(false);
    expect(await shop.inStore('free')).toBe(undefined);
    expect(await ending(remove(shop, 'free'))).toBe(
      'NotFound: widgets.example.com "free" not found',
    );
    event('delete held, twice; the second time nothing is written');
    expect(await remove(shop, 'held')).toBe('marked: held, held by x.org/a, held by x.org/b');
    const marked = await shop.inStore('held');
    expect(marked?.metadata?.deletionTimestamp).toBe('2015-11-09T00:00:00Z');
    shop.clock.advance(60_000);
    expect(await remove(shop, 'held')).toBe('marked: held, held by x.org/a, held by x.org/b');
    expect((await shop.inStore('held'))?.modRevision).toBe(marked?.modRevision);
    event('take away one finalizer, then the other');
    await hold(shop, 'held', 'x.org/b');
    expect((await shop.inStore('held'))?.metadata?.finalizers?.join(' ')).toBe('x.org/b');
    const { revision } = await shop.store.range({ key: shop.keyOf('held') });
    const { object } = await hold(shop, 'held');
    expect(await shop.inStore('held')).toBe(undefined);
    expect(left.at(-1), 'a companion hears that nothing is left').toBe(false);
    expect(object.metadata.resourceVersion, 'the revision at which it went').toBe(
      `${revision + 1}`,
    );
  },
);

lesson(
  'Whoever writes while a DELETE is on its way is seen by it: it looks again, and decides anew',
  {
    invariant: 5,
    byHand:
      'kubectl delete cm a --wait=false & kubectl annotate cm a n=1   # no order loses anything',
    symbols: ['src/registry/registry.ts#Registry.delete'],
  },
  async ({ event }) => {
    /** What somebody else does once the registry has read the object and asks admission. */
    let meanwhile: (() => Promise<unknown>) | undefined;
    let asked = 0;
    const intruder: AdmissionPlugin = {
      name: 'Intruder',
      async validate({ operation }) {
        if (operation !== 'DELETE') return;
        asked += 1;
        const work = meanwhile;
        meanwhile = undefined;
        await work?.();
      },
    };
    await using shop = await openWorkshop({ plugins: [intruder] });
    await shop.create('a');
    event('delete a, while somebody adds a finalizer to it');
    meanwhile = () => hold(shop, 'a', 'x.org/a');
    expect(await remove(shop, 'a')).toBe('marked: a, held by x.org/a');
    expect(`admission was asked ${asked} times`).toBe('admission was asked 2 times');
    expect((await shop.inStore('a'))?.metadata?.finalizers?.join(' ')).toBe('x.org/a');
    event('delete a, while somebody takes the finalizer away: a is gone, and not twice');
    meanwhile = () => hold(shop, 'a');
    expect(await ending(remove(shop, 'a', { propagationPolicy: 'Foreground' }))).toBe(
      'NotFound: widgets.example.com "a" not found',
    );
    event('delete b by its uid, while somebody puts another b in its place');
    const first = await shop.create('b');
    meanwhile = async () => {
      await shop.registry.delete(refOf('b'), {}, WRITE);
      await shop.create('b');
    };
    const ofFirst = { preconditions: { uid: first.object.metadata.uid ?? '' } };
    expect(await ending(remove(shop, 'b', ofFirst))).toContain('does not match the UID in record');
    const { uid } = (await shop.inStore('b'))?.metadata ?? {};
    expect(uid === first.object.metadata.uid ? 'the first b' : 'the second b').toBe('the second b');
  },
);

lesson(
  'Wrong options, a refusal and a dry run leave everything as it is',
  {
    invariant: 6,
    byHand: 'kubectl delete cm a --dry-run=server; kubectl get cm a',
    symbols: ['src/registry/registry.ts#Registry.delete'],
  },
  async ({ event }) => {
    const asked: string[] = [];
    const guard: AdmissionPlugin = {
      name: 'Guard',
      validate({ operation, name, namespace, old, user }) {
        if (operation !== 'DELETE') return;
        asked.push(`${user.name} deletes ${namespace}/${name}, uid ${old?.metadata.uid}`);
        if (name === 'guarded') throw new ApiError('Forbidden', 'guarded stays');
      },
    };
    await using shop = await openWorkshop({ plugins: [guard] });
    const { uid } = (await shop.create('a')).object.metadata;
    await shop.create('guarded');
    await shop.create('held', { metadata: { finalizers: ['x.org/a'] } });
    event('a policy that does not exist; a deletion that somebody refuses');
    expect(await ending(remove(shop, 'a', { propagationPolicy: 'Sideways' }))).toContain(
      'BadRequest: ',
    );
    expect(await ending(remove(shop, 'nobody', { propagationPolicy: 'Sideways' }))).toContain(
      'BadRequest: ', // Also where nothing is: the options are looked at first.
    );
    expect(await ending(remove(shop, 'guarded'))).toBe('Forbidden: guarded stays');
    expect((await shop.inStore('guarded'))?.metadata?.name).toBe('guarded');
    event('a dry run of what would go, and of what would be marked');
    const dryRun = { ...WRITE, dryRun: true };
    expect(await remove(shop, 'a', {}, dryRun)).toBe('gone: a');
    expect((await shop.inStore('a'))?.metadata?.name).toBe('a');
    expect(await remove(shop, 'held', {}, dryRun)).toBe('there: held, held by x.org/a');
    expect((await shop.inStore('held'))?.metadata?.deletionTimestamp).toBe(undefined);
    event('admission was asked with the object that is to go');
    expectLines(asked.slice(0, 2), [
      `alice deletes default/guarded, uid ${(await shop.inStore('guarded'))?.metadata?.uid}`,
      `alice deletes default/a, uid ${uid}`,
    ]);
  },
);

lesson(
  'In 100 random lives of a pod its end never moves to later, and it goes when the last hold has gone',
  {
    invariant: 2,
    byHand: 'for i in 60 20 40 5; do kubectl delete pod web --grace-period=$i --wait=false; done',
    symbols: ['src/registry/registry.ts#Registry.delete', 'src/registry/deletion.ts#planDeletion'],
  },
  async ({ event, figure }) => {
    event(`seed ${SEED}`);
    const random = randomOf(SEED);
    await using shop = await openWorkshop({ definition: PODS });
    const spec = { nodeName: 'node-a' };
    let requests = 0;
    for (let life = 0; life < 100; life++) {
      const finalizers = ['x.org/a', 'x.org/b'].slice(random(3));
      await shop.create('p', { spec, metadata: { finalizers } });
      const marks: string[] = [];
      for (let move = 0; move < 12; move++) {
        const before = await shop.inStore('p');
        if (before === undefined) break;
        const { finalizers: held = [], deletionTimestamp: end } = before.metadata ?? {};
        shop.clock.advance(random(20) * 1000);
        if (random(3) === 0) await hold(shop, 'p', ...held.slice(1));
        else await remove(shop, 'p', random(4) === 0 ? {} : { gracePeriodSeconds: random(5) * 10 });
        requests += 1;
        const { metadata = {} } = (await shop.inStore('p')) ?? {};
        const { deletionTimestamp: newEnd = end, finalizers: left = [] } = metadata;
        marks.push(`${newEnd}`);
        if (end !== undefined && `${newEnd}` > end) {
          throw new Error(`life ${life}: the end moved to later: ${marks.join(' → ')}`);
        }
        if (metadata.deletionGracePeriodSeconds === 0 && left.length === 0) {
          throw new Error(`life ${life}: nothing holds the pod, and it is still there`);
        }
        if (metadata.name === undefined && held.length > 1) {
          throw new Error(`life ${life}: the pod is gone although ${held.join(', ')} held it`);
        }
      }
      if ((await shop.inStore('p')) === undefined) continue;
      event('what is left at the end of a life: no time, then no hold');
      await remove(shop, 'p', { gracePeriodSeconds: 0 });
      if ((await shop.inStore('p')) !== undefined) await hold(shop, 'p');
      expect(await shop.inStore('p')).toBe(undefined);
    }
    figure('requests', requests);
  },
);
