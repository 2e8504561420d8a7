// Scripts for nft: the whole table, and the difference of two.

import { describe, expect, test } from 'vitest';
import { afterChanges, changes, replaceAll } from '../src/nft-script.ts';
import { type ElementOwner, elementOwners, type RuleSet } from '../src/rules.ts';

type Data = Partial<Record<ElementOwner, Record<string, string>>>;

function rules(data: Data, chains: Record<string, string[]> = {}): RuleSet {
  const entries = elementOwners.map((owner) => [owner, new Map(Object.entries(data[owner] ?? {}))]);
  return {
    chains: new Map(Object.entries(chains)),
    elements: Object.fromEntries(entries) as RuleSet['elements'],
  };
}

const web = '10.96.0.7 . tcp . 80';
const before = rules({ 'service-ips': { [web]: 'goto tcp-1' } }, { 'tcp-1': ['dnat to 1'] });

describe('changes()', () => {
  test.each([
    { name: 'is empty when nothing differs', next: before, want: [] },
    {
      name: 'deletes what went',
      next: rules({}, { 'tcp-1': ['dnat to 1'] }),
      want: [`delete element ip kube-proxy service-ips { ${web} }`],
    },
    {
      name: 'deletes and adds what changed its value, after the chain it needs',
      next: rules({ 'service-ips': { [web]: 'goto tcp-2' } }, { 'tcp-2': ['dnat to 2'] }),
      want: [
        'add chain ip kube-proxy tcp-2',
        'add rule ip kube-proxy tcp-2 dnat to 2',
        `delete element ip kube-proxy service-ips { ${web} }`,
        `add element ip kube-proxy service-ips { ${web} : goto tcp-2 }`,
      ],
    },
    {
      name: 'adds elements of a set without a value',
      next: rules({
        'service-ips': { [web]: 'goto tcp-1' },
        'no-endpoint-services': { '10.96.0.8 . tcp . 80': '', '10.96.0.9 . udp . 53': '' },
      }),
      want: [
        'add element ip kube-proxy no-endpoint-services { 10.96.0.8 . tcp . 80, 10.96.0.9 . udp . 53 }',
      ],
    },
  ])('$name', ({ next, want }) => {
    expect(changes(before, next).split('\n').filter(Boolean)).toEqual(want);
  });
});

test('afterChanges() remembers chains that no element names any more, so that they are not added twice', () => {
  const held = afterChanges(before, rules({}));
  expect([...held.chains.keys()]).toEqual(['tcp-1']);
  expect(changes(held, before)).not.toContain('add chain');
});

test('replaceAll() takes the place of any table that was there', () => {
  const script = replaceAll(['set one { type ipv4_addr; }'], before);
  expect(script.split('\n').slice(0, 5)).toEqual([
    'add table ip kube-proxy',
    'delete table ip kube-proxy',
    'table ip kube-proxy {',
    '  comment "rules of kube-proxy"',
    '  set one { type ipv4_addr; }',
  ]);
  expect(script.indexOf('add chain ip kube-proxy tcp-1')).toBeLessThan(
    script.indexOf('add element'),
  );
});
