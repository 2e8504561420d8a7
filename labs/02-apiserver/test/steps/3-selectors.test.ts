// Step 3, labels and selectors: which objects a request means, when that can be only one, and what a change is to who watches some of them.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import {
  type LabelRequirement,
  type Labels,
  labelOf,
  matchesRequirement,
  matchesRequirements,
} from '#src/client/label-requirement.ts';
import { readLabelQuery } from '#src/registry/label-query.ts';
import { list } from '#src/registry/list.ts';
import { ObjectFilter, type SelectorOptions } from '#src/registry/object-filter.ts';
import { objectKey, type ResourceDefinition } from '#src/registry/resource-definition.ts';
import { encodeForStorage, StoredObject } from '#src/registry/stored-object.ts';
import type { CacheEvent } from '#src/registry/watch-cache.ts';
import { lineOf } from './support/cached-store.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import {
  GADGETS,
  openWorkshop,
  PODS,
  refOf,
  WIDGETS,
  type Widget,
  widget,
} from './support/widgets.ts';

const SEED = Number(process.env.SEED ?? 1);
const LABELS = 'src/client/label-requirement.ts';
const FILTER = 'src/registry/object-filter.ts';

/** `app=web,tier=`; `no labels` for none. */
const labelled = (labels: Labels | undefined): string =>
  labels === undefined
    ? 'no labels'
    : Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',') || '{}';

/** As it lies in the store. */
function stored(name: string, more: Partial<Widget> = {}, definition = WIDGETS): StoredObject {
  const object = widget(name, more, definition);
  const key = objectKey(definition, refOf(name, definition));
  return StoredObject.fromValue(key, 7, encodeForStorage(object));
}

/** The names of those that a filter matches. */
function matched(
  objects: readonly StoredObject[],
  options: SelectorOptions,
  definition: ResourceDefinition = WIDGETS,
): string {
  const filter = new ObjectFilter(definition, options);
  const names = objects
    .filter((object) => filter.matches(object))
    .map(({ object: { metadata } }) => [metadata.namespace, metadata.name].join('/'));
  return names.join(', ').replaceAll('default/', '') || '(none)';
}

lesson(
  'A label is what the object has itself: not what every JavaScript object has',
  {
    invariant: 1,
    byHand: 'kubectl get configmaps -A -l constructor   # none',
    symbols: [`${LABELS}#labelOf`],
  },
  ({ event }) => {
    const labels = { app: 'web', empty: '', toString: 'own' } as unknown as Labels;
    const answers = ['app', 'empty', 'toString', 'tier', 'constructor', '__proto__'].map((key) => {
      event(`labelOf ${key}`);
      return `${key}: ${JSON.stringify(labelOf(labels, key)) ?? 'undefined'}`;
    });
    expectLines(answers, [
      'app: "web"',
      'empty: ""',
      'toString: "own"',
      'tier: undefined',
      'constructor: undefined',
      '__proto__: undefined',
    ]);
    event('labelOf an object that has no labels at all');
    expect(labelOf(undefined, 'app')).toBe(undefined);
  },
);

lesson(
  'A requirement asks one thing of one label; who does not have it satisfies NotIn and DoesNotExist, and nothing else',
  {
    invariant: 2,
    byHand: "kubectl get configmaps -l 'app!=web'   # those without the label too",
    symbols: [`${LABELS}#matchesRequirement`],
  },
  ({ event }) => {
    const objects: (Labels | undefined)[] = [
      { app: 'web' },
      { app: 'db', tier: 'x' },
      { app: '' },
      { tier: 'x' },
      {},
      undefined,
    ];
    const requirements: LabelRequirement[] = [
      { key: 'app', operator: 'In', values: ['web'] },
      { key: 'app', operator: 'In', values: ['web', 'db'] },
      { key: 'app', operator: 'In', values: [''] },
      { key: 'app', operator: 'NotIn', values: ['web'] },
      { key: 'app', operator: 'NotIn', values: ['web', 'db'] },
      { key: 'app', operator: 'Exists', values: [] },
      { key: 'app', operator: 'DoesNotExist', values: [] },
    ];
    const answers = requirements.map((requirement) => {
      const { key, operator, values } = requirement;
      const asked = [key, operator, ...(values.length > 0 ? [JSON.stringify(values)] : [])];
      event(`matchesRequirement: ${asked.join(' ')}`);
      const those = objects.filter((labels) => matchesRequirement(requirement, labels));
      return `${asked.join(' ')}: ${those.map(labelled).join(' | ')}`;
    });
    expectLines(answers, [
      'app In ["web"]: app=web',
      'app In ["web","db"]: app=web | app=db,tier=x',
      'app In [""]: app=',
      'app NotIn ["web"]: app=db,tier=x | app= | tier=x | {} | no labels',
      'app NotIn ["web","db"]: app= | tier=x | {} | no labels',
      'app Exists: app=web | app=db,tier=x | app=',
      'app DoesNotExist: tier=x | {} | no labels',
    ]);
  },
);

lesson(
  'Gt and Lt compare whole numbers, of any size; what is no number is neither greater nor less',
  {
    invariant: 2,
    byHand: "kubectl get configmaps -l 'size>9'",
    symbols: [`${LABELS}#matchesRequirement`],
  },
  ({ event }) => {
    const sizes = ['9', '10', '010', '-3', 'ten', '', '1.5', '9007199254740993', undefined];
    const ask = (operator: 'Gt' | 'Lt', values: readonly string[]) => {
      event(`matchesRequirement: size ${operator} ${JSON.stringify(values)}`);
      const those = sizes.filter((size) =>
        matchesRequirement({ key: 'size', operator, values }, size === undefined ? {} : { size }),
      );
      return `size ${operator} ${values[0] ?? '(nothing)'}: ${those.join(', ')}`;
    };
    expectLines(
      [
        ask('Gt', ['9']),
        ask('Lt', ['10']),
        ask('Gt', ['9007199254740992']),
        ask('Lt', ['-2']),
        ask('Gt', ['ten']),
        ask('Lt', []),
      ],
      [
        'size Gt 9: 10, 010, 9007199254740993',
        'size Lt 10: 9, -3',
        'size Gt 9007199254740992: 9007199254740993',
        'size Lt -2: -3',
        'size Gt ten: ',
        'size Lt (nothing): ',
      ],
    );
  },
);

lesson(
  'All requirements of a selector must hold; whatever it is, it cuts all objects in two, and nobody is in both halves',
  {
    invariant: 2,
    byHand:
      "kubectl get pods -A -l 'app in (web,db),!canary'; kubectl get pods -A -l 'app notin (web,db)'",
    symbols: [`${LABELS}#matchesRequirement`],
  },
  ({ event, figure }) => {
    const random = randomOf(SEED);
    const oneOf = <T>(from: readonly T[]): T => from[random(from.length)] as T;
    const keys = ['app', 'tier', 'constructor', 'example.com/size'];
    const values = ['', 'web', 'db', '7', '12'];
    const selectors = 400;
    let pairs = 0;
    for (let n = 0; n < selectors; n++) {
      const pairsOf = new Set<string>();
      const labels: Record<string, string> = {};
      for (const key of keys.filter(() => random(2) === 0)) {
        labels[key] = oneOf(values);
        pairsOf.add(`${key}=${labels[key]}`);
      }
      const has = (key: string, among: readonly string[] = values): boolean =>
        among.some((value) => pairsOf.has(`${key}=${value}`));
      // What a selector says as text, and what it means in words of sets.
      const [key, other] = [oneOf(keys), oneOf(keys)];
      const some = values.filter(() => random(2) === 0).slice(0, 3);
      const set = some.length === 0 ? ['web'] : some;
      const number = random(15);
      const greater = values.filter((value) => value !== '' && Number(value) > number);
      const text: readonly (readonly [string, string, boolean])[] = [
        [`${key} in (${set.join(',')})`, `${key} notin (${set.join(',')})`, has(key, set)],
        [`${key}=${set[0]}`, `${key}!=${set[0]}`, has(key, set.slice(0, 1))],
        [key, `!${key}`, has(key)],
      ];
      for (const [yes, no, want] of text) {
        event(`SEED=${SEED}, ${n}: ${labelled(labels)} by ${yes}`);
        const answers = [yes, no].map((one) => matchesRequirements(readLabelQuery(one), labels));
        expect({ [yes]: answers[0], [no]: answers[1] }).toEqual({ [yes]: want, [no]: !want });
        const both = `${yes},${other}>${number}`;
        event(`SEED=${SEED}, ${n}: ${labelled(labels)} by ${both}`);
        const got = matchesRequirements(readLabelQuery(both), labels);
        expect({ [both]: got }).toEqual({ [both]: want && has(other, greater) });
        pairs += 3;
      }
    }
    figure('answers', pairs);
  },
);

lesson(
  'An operator that nobody knows selects nothing, so that nothing is done to what it does not mean',
  {
    invariant: 3,
    byHand:
      "kubectl get configmaps -l 'app like web'   # a selector that cannot be read is an error",
    symbols: [`${LABELS}#matchesRequirement`],
  },
  ({ event }) => {
    // Such a selector may lie in the store, written by a newer server.
    const unknown = { key: 'app', operator: 'Like', values: ['web'] } as unknown;
    for (const labels of [{ app: 'web' }, {}, undefined]) {
      event(`matchesRequirement: app Like web, of ${labelled(labels)}`);
      expect(matchesRequirement(unknown as LabelRequirement, labels)).toBe(false);
    }
  },
);

lesson(
  'A filter means the objects of one namespace, or of all; of those the ones whose labels and whose fields fit',
  {
    invariant: 4,
    byHand:
      'kubectl get pods -n shop -l app=web --field-selector spec.nodeName=n1,status.phase!=Running',
    symbols: [`${FILTER}#ObjectFilter.matches`],
  },
  ({ event }) => {
    const web = { metadata: { labels: { app: 'web' } } };
    const objects = [
      stored('a', { ...web, spec: { color: 'red' } }),
      stored('b', { spec: { color: 'red' } }),
      stored('c', web),
      stored('shop/a', { ...web, spec: { color: 'blue' } }),
      stored('shop2/a', { spec: { color: 'blue' } }),
    ];
    const asks: SelectorOptions[] = [
      {},
      { namespace: 'shop' },
      { namespace: 'sho' },
      { labelSelector: 'app=web' },
      { labelSelector: 'app!=web' },
      { namespace: 'default', labelSelector: 'app=web' },
      { fieldSelector: 'spec.color=red' },
      { fieldSelector: 'spec.color=' },
      { fieldSelector: 'metadata.name=a' },
      { fieldSelector: 'metadata.name!=a' },
      { fieldSelector: 'metadata.name=a,metadata.namespace!=shop2', labelSelector: 'app' },
    ];
    const answers = asks.map((options) => {
      event(`matches: ${JSON.stringify(options)}`);
      return `${JSON.stringify(options)}: ${matched(objects, options)}`;
    });
    expectLines(answers, [
      '{}: a, b, c, shop/a, shop2/a',
      '{"namespace":"shop"}: shop/a',
      '{"namespace":"sho"}: (none)',
      '{"labelSelector":"app=web"}: a, c, shop/a',
      '{"labelSelector":"app!=web"}: b, shop2/a',
      '{"namespace":"default","labelSelector":"app=web"}: a, c',
      '{"fieldSelector":"spec.color=red"}: a, b',
      '{"fieldSelector":"spec.color="}: c',
      '{"fieldSelector":"metadata.name=a"}: a, shop/a, shop2/a',
      '{"fieldSelector":"metadata.name!=a"}: b, c',
      '{"fieldSelector":"metadata.name=a,metadata.namespace!=shop2","labelSelector":"app"}: a, shop/a',
    ]);
    event('a field that the resource does not declare');
    expect(() => new ObjectFilter(WIDGETS, { fieldSelector: 'spec.colour=red' })).toThrow(
      'field label not supported: spec.colour',
    );
  },
);

lesson(
  'A filter that names its object can match one key only, and knows it; one that could match more does not claim it',
  {
    invariant: 5,
    byHand: 'kubectl get configmap c --watch -v=6   # fieldSelector=metadata.name%3Dc',
    symbols: [`${FILTER}#ObjectFilter.get key`],
  },
  ({ event }) => {
    const asks: [ResourceDefinition, SelectorOptions][] = [
      [WIDGETS, { namespace: 'shop', fieldSelector: 'metadata.name=a' }],
      [WIDGETS, { namespace: 'shop', fieldSelector: 'spec.color=red,metadata.name==a' }],
      [WIDGETS, { fieldSelector: 'metadata.name=a' }],
      [WIDGETS, { namespace: 'shop', fieldSelector: 'metadata.name!=a' }],
      [WIDGETS, { namespace: 'shop', fieldSelector: 'metadata.name=' }],
      [WIDGETS, { namespace: 'shop', fieldSelector: 'spec.color=a' }],
      [WIDGETS, { namespace: 'shop', labelSelector: 'metadata.name=a' }],
      [WIDGETS, { namespace: 'shop' }],
      [GADGETS, { fieldSelector: 'metadata.name=a' }],
      [GADGETS, { namespace: 'shop', fieldSelector: 'metadata.name=a' }],
      [PODS, { namespace: 'shop', fieldSelector: 'metadata.name=a,status.phase!=Running' }],
    ];
    const answers = asks.map(([definition, options]) => {
      const asked = `${definition.resource} ${JSON.stringify(options)}`;
      event(`key of ${asked}`);
      return `${asked}: ${new ObjectFilter(definition, options).key}`;
    });
    expectLines(answers, [
      'widgets {"namespace":"shop","fieldSelector":"metadata.name=a"}: /registry/example.com/widgets/shop/a',
      'widgets {"namespace":"shop","fieldSelector":"spec.color=red,metadata.name==a"}: /registry/example.com/widgets/shop/a',
      'widgets {"fieldSelector":"metadata.name=a"}: undefined',
      'widgets {"namespace":"shop","fieldSelector":"metadata.name!=a"}: undefined',
      'widgets {"namespace":"shop","fieldSelector":"metadata.name="}: undefined',
      'widgets {"namespace":"shop","fieldSelector":"spec.color=a"}: undefined',
      'widgets {"namespace":"shop","labelSelector":"metadata.name=a"}: undefined',
      'widgets {"namespace":"shop"}: undefined',
      'gadgets {"fieldSelector":"metadata.name=a"}: /registry/example.com/gadgets/a',
      'gadgets {"namespace":"shop","fieldSelector":"metadata.name=a"}: /registry/example.com/gadgets/a',
      'pods {"namespace":"shop","fieldSelector":"metadata.name=a,status.phase!=Running"}: /registry/pods/shop/a',
    ]);
  },
);

const RED = new ObjectFilter(WIDGETS, { fieldSelector: 'spec.color=red' });

/** A widget of that color as it was stored at that revision. */
const at = (revision: number, color: string): StoredObject =>
  StoredObject.fromValue(
    `${WIDGETS.storagePrefix}default/a`,
    revision,
    encodeForStorage(widget('a', { spec: { color } })),
  );

lesson(
  'What a watcher sees of a change is whether the object was in its view before, and is in it now',
  {
    invariant: 6,
    byHand:
      'kubectl get pods -l app=web -w   # meanwhile: kubectl label pod web app=db --overwrite',
    symbols: [`${FILTER}#ObjectFilter.changeOf`],
  },
  ({ event }) => {
    const [red, blue, redder, bluer] = [at(3, 'red'), at(3, 'blue'), at(7, 'red'), at(7, 'blue')];
    const rows: [string, CacheEvent][] = [
      ['a red one is made', { type: 'ADDED', current: redder }],
      ['a blue one is made', { type: 'ADDED', current: bluer }],
      ['a red one stays red', { type: 'MODIFIED', current: redder, previous: red }],
      ['a blue one becomes red', { type: 'MODIFIED', current: redder, previous: blue }],
      ['a red one becomes blue', { type: 'MODIFIED', current: bluer, previous: red }],
      ['a blue one stays blue', { type: 'MODIFIED', current: bluer, previous: blue }],
      ['a red one is deleted', { type: 'DELETED', current: red.atRevision(7), previous: red }],
      ['a blue one is deleted', { type: 'DELETED', current: blue.atRevision(7), previous: blue }],
    ];
    const seen = rows.map(([what, change]) => {
      event(`changeOf for who watches red ones: ${what}`);
      const told = RED.changeOf(change);
      if (told === undefined) return `${what}: nothing`;
      const { resourceVersion } = told.stored.object.metadata;
      return `${what}: ${told.type} ${lineOf(told.stored)} at ${resourceVersion}`;
    });
    expectLines(seen, [
      'a red one is made: ADDED a=red at 7',
      'a blue one is made: nothing',
      'a red one stays red: MODIFIED a=red at 7',
      'a blue one becomes red: ADDED a=red at 7',
      'a red one becomes blue: DELETED a=red at 7',
      'a blue one stays blue: nothing',
      'a red one is deleted: DELETED a=red at 7',
      'a blue one is deleted: nothing',
    ]);
  },
);

lesson(
  'A list, whole or in pages, has those that match and no other; a key that a filter claims leaves none of them out',
  {
    invariant: 5,
    byHand: 'kubectl get configmaps -A -l app=web --chunk-size=2 -v=6',
    symbols: [`${FILTER}#ObjectFilter.matches`, `${FILTER}#ObjectFilter.get key`],
  },
  async ({ event, figure }) => {
    const random = randomOf(SEED);
    const oneOf = (from: readonly string[]): string => from[random(from.length)] ?? '';
    await using shop = await openWorkshop();
    const all: { name: string; namespace: string; app: string; color: string }[] = [];
    for (let n = 0; n < 60; n++) {
      const [namespace, app, color] = [
        oneOf(['a', 'b']),
        oneOf(['', 'web', 'db']),
        oneOf(['red', 'blue']),
      ];
      const name = `w${n}`;
      all.push({ name, namespace, app, color });
      const labels = app === '' ? {} : { app };
      await shop.create(`${namespace}/${name}`, { metadata: { labels }, spec: { color } });
    }
    const { revision } = await shop.store.range({ key: '/registry/' });
    let keys = 0;
    for (let n = 0; n < 100; n++) {
      const [namespace, app, color] = [
        oneOf(['', 'a', 'b']),
        oneOf(['', 'web', 'db']),
        oneOf(['', 'red', 'blue']),
      ];
      const name = random(3) === 0 ? `w${random(60)}` : '';
      const fields = [
        ...(color === '' ? [] : [`spec.color=${color}`]),
        ...(name === '' ? [] : [`metadata.name=${name}`]),
      ];
      const options = {
        ...(namespace === '' ? {} : { namespace }),
        ...(app === '' ? {} : { labelSelector: `app=${app}` }),
        ...(fields.length === 0 ? {} : { fieldSelector: fields.join(',') }),
      };
      const filter = new ObjectFilter(WIDGETS, options);
      const got: string[] = [];
      let token: string | undefined;
      const limit = 1 + random(20);
      event(`SEED=${SEED}, ${n}: list ${JSON.stringify(options)} in pages of ${limit}`);
      do {
        const from = token === undefined ? { resourceVersion: revision } : { continue: token };
        const page = await list(shop.storage, filter, { limit, ...from });
        got.push(...page.items.map(({ key }) => key));
        token = page.continue;
      } while (token !== undefined);
      const want = all
        .filter((one) => namespace === '' || one.namespace === namespace)
        .filter((one) => app === '' || one.app === app)
        .filter((one) => color === '' || one.color === color)
        .filter((one) => name === '' || one.name === name)
        .map((one) => shop.keyOf(`${one.namespace}/${one.name}`))
        .sort();
      expectLines(got, want);
      if (filter.key === undefined) continue;
      keys++;
      expectLines(
        want.filter((key) => key !== filter.key),
        [],
      );
    }
    figure('lists', 100);
    figure('of one key', keys);
  },
);
