import { beforeEach, describe, expect, test } from 'vitest';
import type { ReadonlyApiObject } from '#src/registry/api-object.ts';
import { parseSharingFields } from '#src/registry/shared-fields.ts';

const WEB = { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {} } } } };
const LABELS = { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } } };

function entry(manager: string, fieldsV1?: unknown) {
  return { manager, operation: 'Update', fieldsType: 'FieldsV1', fieldsV1, subresource: 'status' };
}

function textOf(entries: readonly unknown[] | undefined, rest: object = {}): string {
  const metadata = { name: 'web', managedFields: entries, uid: '1' };
  return JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata, ...rest });
}

function fieldsOf(object: ReadonlyApiObject): unknown[] {
  return (object.metadata.managedFields ?? []).map(({ fieldsV1 }) => fieldsV1);
}

describe('parseSharingFields()', () => {
  beforeEach(() => {
    parseSharingFields(textOf([entry('kubectl', WEB), entry('kubelet', LABELS)]));
  });

  test('objects with equal fieldsV1 have one of them, which nobody can change', () => {
    const [one] = fieldsOf(parseSharingFields(textOf([entry('kubectl', WEB)])));
    const [labels, two] = fieldsOf(
      parseSharingFields(textOf([entry('a', LABELS), entry('b', WEB)])),
    );
    expect(two).toBe(one);
    expect(labels).toEqual(LABELS);
    expect(() => {
      (one as typeof WEB)['f:spec']['f:containers']['k:{"name":"web"}'] = {
        '.': {},
        'f:image': {},
      };
    }).toThrow(TypeError);
  });

  test.each([
    { name: 'without owners', text: textOf(undefined) },
    { name: 'with known fields', text: textOf([entry('a', WEB), entry('b', LABELS)]) },
    { name: 'with new fields', text: textOf([entry('a', { 'f:data': { 'f:new': {} } })]) },
    { name: 'with new fields before known ones', text: textOf([entry('a', {}), entry('b', WEB)]) },
    { name: 'of an owner of nothing', text: textOf([entry('a'), entry('b', WEB)]) },
    {
      name: 'with a field called fieldsV1 that says what the owner does',
      text: textOf([entry('a', WEB)], { spec: { fieldsV1: WEB } }),
    },
    {
      name: 'with a field called fieldsV1, and an owner of nothing',
      text: textOf([entry('a')], { spec: { list: [{ fieldsV1: WEB }] } }),
    },
    {
      name: 'with its own JSON in a text',
      text: textOf([entry('a', WEB)], { data: { last: textOf([entry('a', WEB)]) } }),
    },
    { name: 'with a number for fields', text: textOf([entry('a', 0), entry('b', WEB)]) },
    { name: 'with spaces', text: JSON.stringify(JSON.parse(textOf([entry('a', WEB)])), null, 2) },
  ])('an object $name is what JSON.parse() makes of it', ({ text }) => {
    for (let time = 1; time <= 3; time += 1) {
      expect(parseSharingFields(text)).toEqual(JSON.parse(text));
    }
  });

  test('fields that are met again and again stay known, however many others come between', () => {
    const first = fieldsOf(parseSharingFields(textOf([entry('a', WEB)])));
    for (let pod = 0; pod < 100; pod += 1) {
      const own = { 'f:status': { [`k:{"ip":"10.244.0.${pod}"}`]: {} } };
      const text = textOf([entry('a', WEB), entry('kubelet', own)]);
      const object = parseSharingFields(text);
      expect(object).toEqual(JSON.parse(text));
      expect(fieldsOf(object)[0]).toBe(first[0]);
    }
  });
});
