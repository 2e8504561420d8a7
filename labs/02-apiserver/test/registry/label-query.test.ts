// The label selector of a request: labels in it must be such as objects can have.
import { describe, expect, test } from 'vitest';
import { readLabelQuery } from '#src/registry/label-query.ts';

describe('readLabelQuery()', () => {
  test.each([
    ['', 0],
    ['app=web,tier in (a,),!old', 3],
    ['example.com/app>5,app<0,x>12', 3],
  ])('"%s" has %d requirements', (text, count) => {
    expect(readLabelQuery(text)).toHaveLength(count);
  });

  const label =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
  const number = (value: string): string =>
    `values[0]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`;
  test.each([
    ['a=-', `values[0][a]: Invalid value: "-": ${label}`],
    ['a in (b,c-)', `values[1][a]: Invalid value: "c-": ${label}`],
    [
      `a=${'x'.repeat(64)}-`,
      `values[0][a]: Invalid value: "${'x'.repeat(64)}-": must be no more than 63 bytes; ${label}`,
    ],
    ['a>x', number('x')],
    ['a<x', number('x')],
    ['a<1x', number('1x')],
    ['a>x1', number('x1')],
    ['a=b,c>1.5', number('1.5')],
    ['a=b=c', "found '=', expected: ,"],
  ])('"%s" is refused', (text, why) => {
    expect(() => readLabelQuery(text)).toThrow(
      expect.objectContaining({
        reason: 'BadRequest',
        message: expect.stringContaining(`unable to parse requirement: ${why}`),
      }),
    );
  });

  test.each(['-a', 'a/b/c', '/a'])('the key "%s" is refused', (key) => {
    expect(() => readLabelQuery(key)).toThrow(`key: Invalid value: "${key}": `);
  });
});
