import { describe, expect, test } from 'vitest';
import { nodeName } from '../../src/plugins/node-name.ts';
import { ask, info, pod, reasonsOf } from '../support.ts';

describe('nodeName.filter()', () => {
  test.each([
    { name: 'fits anywhere without a name', wanted: '', want: [] },
    { name: 'fits the node it names', wanted: 'node-1', want: [] },
    {
      name: 'rejects any other',
      wanted: 'node-2',
      want: ["node(s) didn't match the requested node name"],
    },
  ])('$name', ({ wanted, want }) => {
    const subject = pod({ spec: { nodeName: wanted } });
    expect(reasonsOf(ask(nodeName, subject, info({ name: 'node-1' })))).toEqual(want);
  });
});
