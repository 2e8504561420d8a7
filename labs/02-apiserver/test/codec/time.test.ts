// Timestamps: read and written as Go does it, and refused in Go's words.
import { describe, expect, test } from 'vitest';
import { canonicalMicroTime, canonicalTime, formatTime, TimeError } from '#src/codec/time.ts';

describe('canonicalTime()', () => {
  test.each([
    ['2024-05-01T10:00:00Z', '2024-05-01T10:00:00Z'],
    ['2024-05-01T10:00:00.9Z', '2024-05-01T10:00:00Z'],
    ['2024-05-01T10:00:00.123456Z', '2024-05-01T10:00:00Z'],
    ['2024-05-01T10:00:00+02:00', '2024-05-01T08:00:00Z'],
    ['2024-05-01T00:30:00-00:45', '2024-05-01T01:15:00Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['2023-12-31T23:59:59Z', '2023-12-31T23:59:59Z'],
    ['2024-01-31T00:00:00Z', '2024-01-31T00:00:00Z'],
    ['2024-04-30T01:01:01Z', '2024-04-30T01:01:01Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['2024-12-19T19:09:59Z', '2024-12-19T19:09:59Z'],
  ])('%s is %s', (text, want) => {
    expect(canonicalTime(text)).toBe(want);
  });
});

describe('canonicalMicroTime()', () => {
  test.each([
    ['2024-05-01T10:00:00.123456Z', '2024-05-01T10:00:00.123456Z'],
    ['2024-05-01T10:00:00Z', '2024-05-01T10:00:00.000000Z'],
    ['2024-05-01T10:00:00.12Z', '2024-05-01T10:00:00.120000Z'],
    ['2024-05-01T10:00:00.123456789Z', '2024-05-01T10:00:00.123456Z'],
    ['2024-05-01T10:00:00.5+02:00', '2024-05-01T08:00:00.500000Z'],
    ['2024-05-30T10:00:00.000001Z', '2024-05-30T10:00:00.000001Z'],
  ])('%s is %s', (text, want) => {
    expect(canonicalMicroTime(text)).toBe(want);
  });
});

describe('a time that is none', () => {
  const layout = '"2006-01-02T15:04:05Z07:00"';
  const place = (rest: string, element: string): string =>
    ` as ${layout}: cannot parse ${JSON.stringify(rest)} as "${element}"`;
  test.each([
    ['', place('', '2006')],
    ['24-05-01', place('24-05-01', '2006')],
    ['2024/05', place('/05', '-')],
    ['a2024-05-01T10:00:00Z', place('a2024-05-01T10:00:00Z', '2006')],
    ['2024a-05-01T10:00:00Z', place('a-05-01T10:00:00Z', '-')],
    ['2024-a05-01T10:00:00Z', place('a05-01T10:00:00Z', '01')],
    ['2024-05a-01T10:00:00Z', place('a-01T10:00:00Z', '-')],
    ['2024-05-a01T10:00:00Z', place('a01T10:00:00Z', '02')],
    ['2024-05-01aT10:00:00Z', place('aT10:00:00Z', 'T')],
    ['2024-05-01Ta10:00:00Z', place('a10:00:00Z', '15')],
    ['2024-05-01T10a:00:00Z', place('a:00:00Z', ':')],
    ['2024-05-01T10:a00:00Z', place('a00:00Z', '04')],
    ['2024-05-01T10:00a:00Z', place('a:00Z', ':')],
    ['2024-05-01T10:00:a00Z', place('a00Z', '05')],
    ['2024-05-01T10:00:00aZ', place('aZ', 'Z07:00')],
    ['2024-5-01', place('5-01', '01')],
    ['2024-05.01', place('.01', '-')],
    ['2024-05-1T', place('1T', '02')],
    ['2024-05-01 10:00:00Z', place(' 10:00:00Z', 'T')],
    ['2024-05-01T1:00:00Z', place('1:00:00Z', '15')],
    ['2024-05-01T10.00:00Z', place('.00:00Z', ':')],
    ['2024-05-01T10:0:00Z', place('0:00Z', '04')],
    ['2024-05-01T10:00', place('', ':')],
    ['2024-05-01T10:00:0Z', place('0Z', '05')],
    ['2024-05-01T10:00:00', place('', 'Z07:00')],
    ['2024-05-01T10:00:00+2:00', place('+2:00', 'Z07:00')],
    ['2024-05-01T10:00:00+02:0', place('+02:0', 'Z07:00')],
    ['2024-00-01T10:00:00Z', ': month out of range'],
    ['2024-13-01T10:00:00Z', ': month out of range'],
    ['2024-05-00T10:00:00Z', ': day out of range'],
    ['2024-05-32T10:00:00Z', ': day out of range'],
    ['2024-05-01T24:00:00Z', ': hour out of range'],
    ['2024-05-01T10:60:00Z', ': minute out of range'],
    ['2024-05-01T10:00:61Z', ': second out of range'],
    ['2023-02-29T10:00:00Z', ': day out of range'],
    ['2024-04-31T10:00:00Z', ': day out of range'],
    ['2024-05-01T10:00:00Zoo', ': extra text: "oo"'],
  ])('%s is refused:%s', (text, why) => {
    expect(() => canonicalTime(text)).toThrow(
      new TimeError(`parsing time ${JSON.stringify(text)}${why}`),
    );
  });

  test('is told with the layout of microseconds where those are wanted', () => {
    expect(() => canonicalMicroTime('now')).toThrow(
      new TimeError(
        'parsing time "now" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "now" as "2006"',
      ),
    );
  });
});

test.each([
  [0, 0, false, '1970-01-01T00:00:00Z'],
  [1_714_557_600, 999_999_999, false, '2024-05-01T10:00:00Z'],
  [1_714_557_600, 0, true, '2024-05-01T10:00:00.000000Z'],
  [1_714_557_600, 1_999, true, '2024-05-01T10:00:00.000001Z'],
  [1_714_557_600, 123_456_789, true, '2024-05-01T10:00:00.123456Z'],
])('formatTime(%d, %d, micro: %s) is %s', (seconds, nanos, micro, want) => {
  expect(formatTime(seconds, nanos, micro)).toBe(want);
});
