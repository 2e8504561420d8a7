// Selectors over fields: how they are read, what they match, and what is refused.
import { describe, expect, test } from 'vitest';
import {
  matchesFields,
  parseFieldSelector,
  readField,
  readFieldSelector,
} from '#src/registry/field-selector.ts';
import { GADGETS, WIDGETS, widget } from '../steps/support/widgets.ts';
import { stored } from './scene.ts';

/** `a == 1, b != ` */
const shown = (text: string): string =>
  readFieldSelector(text)
    .map(
      ({ field, equal, value }) => `${field} ${equal ? 'is' : 'is not'} ${JSON.stringify(value)}`,
    )
    .join(', ');

describe('readFieldSelector()', () => {
  test.each([
    ['', ''],
    ['a=1', 'a is "1"'],
    ['a==1', 'a is "1"'],
    ['a!=1', 'a is not "1"'],
    ['a=', 'a is ""'],
    ['a=1,b!=2', 'a is "1", b is not "2"'],
    [',a=1,,b=2,', 'a is "1", b is "2"'],
    ['a=x\\,b\\=c\\\\d', 'a is "x,b=c\\\\d"'],
    ['a=one\ntwo', 'a is "one\\ntwo"'],
    ['a\nb=1', 'a\nb is "1"'],
  ])('%j: %s', (text, want) => {
    expect(shown(text)).toBe(want);
  });

  test.each([
    ['a', "invalid selector: 'a'; can't understand 'a'"],
    ['a=1,b', "invalid selector: 'a=1,b'; can't understand 'b'"],
    ['=1', "invalid selector: '=1'; can't understand '=1'"],
    [' ', "invalid selector: ' '; can't understand ' '"],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
    ['a=\\😀', 'invalid field selector: invalid escape sequence: \\😀'],
    ['a=1\\', 'invalid field selector: invalid escape sequence: \\'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => readFieldSelector(text)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
});

describe('parseFieldSelector()', () => {
  test.each([
    { definition: WIDGETS, text: 'metadata.name=a' },
    { definition: WIDGETS, text: 'metadata.namespace=a,spec.color!=red' },
    { definition: GADGETS, text: 'metadata.name!=a' },
  ])('$definition.kind can be selected by $text', ({ definition, text }) => {
    expect(parseFieldSelector(text, definition)).toEqual(readFieldSelector(text));
  });

  test.each([
    { definition: GADGETS, text: 'metadata.namespace=a', field: 'metadata.namespace' },
    { definition: GADGETS, text: 'spec.color=red', field: 'spec.color' },
    { definition: WIDGETS, text: 'spec.color=red,spec.size=1', field: 'spec.size' },
    { definition: WIDGETS, text: 'constructor=a', field: 'constructor' },
  ])('$definition.kind cannot be selected by $text', ({ definition, text, field }) => {
    expect(() => parseFieldSelector(text, definition)).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: `field label not supported: ${field}`,
      }),
    );
  });
});

describe('a widget', () => {
  const { object } = stored('shop/a', { spec: { color: 'red' } });

  test.each([
    ['metadata.name', 'a'],
    ['metadata.namespace', 'shop'],
    ['spec.color', 'red'],
    ['spec.size', ''],
  ])('has in %s: "%s"', (field, want) => {
    expect(readField(field, object, WIDGETS)).toBe(want);
  });

  test('that lacks a field has an empty text there', () => {
    const bare = { kind: 'Widget', apiVersion: 'example.com/v1', metadata: {} };
    const fields = ['metadata.name', 'metadata.namespace', 'spec.color'];
    expect(fields.map((field) => readField(field, bare, WIDGETS))).toEqual(['', '', '']);
    expect(widget('a').spec).toBeUndefined();
  });

  test.each([
    ['', true],
    ['spec.color=red', true],
    ['spec.color!=red', false],
    ['spec.color=blue', false],
    ['spec.color!=blue', true],
    ['spec.color=red,metadata.name=b', false],
    ['metadata.namespace=shop,metadata.name=a', true],
  ])('is matched by "%s": %s', (text, want) => {
    expect(matchesFields(readFieldSelector(text), object, WIDGETS)).toBe(want);
  });
});
