// ObjectFilter: what it can match at all, whom it must hear of, and what a watcher sees of a change.
import { describe, expect, test } from 'vitest';
import { ObjectFilter, type SelectorOptions } from '#src/registry/object-filter.ts';
import type { StoredObject } from '#src/registry/stored-object.ts';
import type { CacheEvent } from '#src/registry/watch-cache.ts';
import { GADGETS, PODS, WIDGETS } from '../steps/support/widgets.ts';
import { stored } from './scene.ts';

describe('changeOf()', () => {
  const filter = new ObjectFilter(WIDGETS, { fieldSelector: 'spec.color=red' });
  const state = (color: string, revision: number): StoredObject =>
    stored('a', { spec: { color } }, { revision });
  const red = (revision: number): StoredObject => state('red', revision);
  const blue = (revision: number): StoredObject => state('blue', revision);
  const seen = (event: CacheEvent): string => {
    const change = filter.changeOf(event);
    if (change === undefined) return 'nothing';
    const { object, revision } = change.stored;
    const { color } = (object as { spec?: { color?: string } }).spec ?? {};
    return `${change.type} ${color} ${revision} ${object.metadata.resourceVersion}`;
  };

  test.each<{ name: string; event: CacheEvent; want: string }>([
    { name: 'made', event: { type: 'ADDED', current: red(1) }, want: 'ADDED red 1 1' },
    {
      name: 'changed',
      event: { type: 'MODIFIED', current: red(2), previous: red(1) },
      want: 'MODIFIED red 2 2',
    },
    {
      name: 'that begins to match',
      event: { type: 'MODIFIED', current: red(2), previous: blue(1) },
      want: 'ADDED red 2 2',
    },
    {
      name: 'that ceases to match: its last state that could be seen, under the revision of the change',
      event: { type: 'MODIFIED', current: blue(2), previous: red(1) },
      want: 'DELETED red 2 2',
    },
    {
      name: 'deleted',
      event: { type: 'DELETED', current: red(2), previous: red(1) },
      want: 'DELETED red 2 2',
    },
    {
      name: 'deleted that did not match before',
      event: { type: 'DELETED', current: red(2), previous: blue(1) },
      want: 'nothing',
    },
    { name: 'made, another', event: { type: 'ADDED', current: blue(1) }, want: 'nothing' },
    {
      name: 'changed, another',
      event: { type: 'MODIFIED', current: blue(2), previous: blue(1) },
      want: 'nothing',
    },
    {
      name: 'deleted, another',
      event: { type: 'DELETED', current: blue(2), previous: blue(1) },
      want: 'nothing',
    },
  ])('of an object that is $name: $want', ({ event, want }) => {
    expect(seen(event)).toBe(want);
  });
});

describe('a filter', () => {
  test.each<{ options: SelectorOptions; want: boolean }>([
    { options: {}, want: true },
    { options: { namespace: 'shop' }, want: true },
    { options: { labelSelector: 'app' }, want: false },
    { options: { fieldSelector: 'metadata.name=a' }, want: false },
    { options: { labelSelector: 'app', fieldSelector: 'metadata.name=a' }, want: false },
  ])('$options matches everything below its prefix: $want', ({ options, want }) => {
    expect(new ObjectFilter(WIDGETS, options).matchesEverything).toBe(want);
  });

  const name = 'metadata.name=a';
  const inShop = '/registry/example.com/widgets/shop/';
  test.each<{ of?: typeof WIDGETS; options: SelectorOptions; key: string | undefined }>([
    { options: { namespace: 'shop', fieldSelector: name }, key: `${inShop}a` },
    { options: { namespace: 'shop', fieldSelector: `spec.color=x,${name}` }, key: `${inShop}a` },
    { options: { fieldSelector: name }, key: undefined },
    { options: { namespace: 'shop' }, key: undefined },
    { options: { namespace: 'shop', fieldSelector: 'metadata.name=' }, key: undefined },
    { options: { namespace: 'shop', fieldSelector: 'metadata.name!=a' }, key: undefined },
    { options: { namespace: 'shop', fieldSelector: 'spec.color=a' }, key: undefined },
    {
      of: GADGETS,
      options: { namespace: 'ignored', fieldSelector: name },
      key: '/registry/example.com/gadgets/a',
    },
  ])('$options can match one key only: $key', ({ of = WIDGETS, options, key }) => {
    const filter = new ObjectFilter(of, options);
    expect(filter.key).toBe(key);
    if (key !== undefined) expect(filter.interest).toEqual({ kind: 'key', key });
  });

  test.each<{ of?: typeof WIDGETS; options: SelectorOptions; interest: object }>([
    { options: {}, interest: { kind: 'all' } },
    { options: { labelSelector: 'app=web' }, interest: { kind: 'all' } },
    { options: { fieldSelector: 'spec.color!=red' }, interest: { kind: 'all' } },
    { options: { fieldSelector: 'metadata.namespace=shop' }, interest: { kind: 'all' } },
    { options: { namespace: 'shop' }, interest: { kind: 'prefix', prefix: inShop } },
    {
      options: { namespace: 'shop', fieldSelector: 'metadata.namespace=shop,spec.color=red' },
      interest: { kind: 'field', name: 'example.com/v1 spec.color', value: 'red' },
    },
    {
      of: PODS,
      options: { fieldSelector: 'status.phase!=Failed,spec.nodeName=n1,status.phase=x' },
      interest: { kind: 'field', name: 'v1 spec.nodeName', value: 'n1' },
    },
    { of: GADGETS, options: { namespace: 'ignored' }, interest: { kind: 'all' } },
  ])('$options must hear of $interest', ({ of = WIDGETS, options, interest }) => {
    const found = new ObjectFilter(of, options).interest;
    expect(found).toMatchObject(interest);
    expect(found.kind).toBe((interest as { kind: string }).kind);
  });

  test('reads the field that it is found by', () => {
    const { interest } = new ObjectFilter(WIDGETS, { fieldSelector: 'spec.color=red' });
    if (interest.kind !== 'field') throw new Error(`it is found by its ${interest.kind}`);
    expect(interest.read(stored('a', { spec: { color: 'blue' } }).object)).toBe('blue');
  });

  test.each<{ options: SelectorOptions; want: string }>([
    { options: {}, want: 'shop/a shop/b default/a' },
    { options: { namespace: 'shop' }, want: 'shop/a shop/b' },
    { options: { namespace: 'sho' }, want: '' },
    { options: { labelSelector: 'app=web' }, want: 'shop/a default/a' },
    { options: { namespace: 'shop', labelSelector: 'app=web' }, want: 'shop/a' },
    { options: { fieldSelector: 'metadata.name=b' }, want: 'shop/b' },
    { options: { labelSelector: 'app=web', fieldSelector: 'metadata.name=b' }, want: '' },
  ])('$options matches $want', ({ options, want }) => {
    const labels = { app: 'web' };
    const objects: StoredObject[] = [
      stored('shop/a', { metadata: { labels } }),
      stored('shop/b'),
      stored('default/a', { metadata: { labels } }),
    ];
    const filter = new ObjectFilter(WIDGETS, options);
    const found = objects.filter((one) => filter.matches(one));
    expect(found.map(({ key }) => key.split('/').slice(-2).join('/')).join(' ')).toBe(want);
  });
});
