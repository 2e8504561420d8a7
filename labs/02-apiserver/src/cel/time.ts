// time: durations as Go writes them, and the parts of a timestamp in a time zone.
//
// Timestamps are exact to the millisecond, as JavaScript's dates are, and remember no zone of their own.
//
// Same functions upstream: cel-go, common/types (Timestamp, Duration); Go, time.ParseDuration; kube-openapi, strfmt.

import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { charge } from './cost.ts';
import { declare } from './declare.ts';

const TIMESTAMP = 'google.protobuf.Timestamp';
const DURATION = 'google.protobuf.Duration';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const BILLION = 1_000_000_000n;
const FRACTION_DIGITS_MAX = 18;
const TEXT_LENGTH_MAX = 200;

/** Every part of a date that can be asked for; all begin with 0 but days of a month by getDate. */
const PARTS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) =>
    Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

export function registerTime(environment: Environment): void {
  for (const [name, part] of Object.entries(PARTS)) {
    declare(environment, {
      [`${TIMESTAMP}.k8s_${name}(string): int`]: (date: Date, zone: string) =>
        BigInt(part(inZone(date, zone))),
    });
  }
  declare(environment, {
    [`${TIMESTAMP}.k8s_getDayOfYear(): int`]: (date: Date) =>
      BigInt(PARTS.getDayOfYear?.(date) ?? 0),
    [`k8s_duration(string): ${DURATION}`]: parseGoDuration,
    [`k8s_duration(${DURATION}): ${DURATION}`]: (same: Duration) => same,
    [`timestamp(${TIMESTAMP}): ${TIMESTAMP}`]: (same: Date) => same,
    [`int(${TIMESTAMP}): int`]: (date: Date) => BigInt(Math.floor(date.getTime() / 1000)),
    [`string(${TIMESTAMP}): string`]: timestampText,
    [`string(${DURATION}): string`]: durationText,
  });
}

/** A date whose parts in UTC are those of the zone: `Europe/Berlin`, `+02:00`, `02:00`. */
function inZone(date: Date, zone: string): Date {
  const offset = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (offset !== null) {
    const [, sign, hours, minutes] = offset;
    const shift = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
    return new Date(date.getTime() + (sign === '-' ? -shift : shift));
  }
  // Asking the machine about a zone takes a thousand times longer than a sum.
  charge(1000);
  try {
    const text = date.toLocaleString('sv-SE', { timeZone: zone, timeZoneName: 'longOffset' });
    const found = /GMT([+-]\d{2}:\d{2})?/.exec(text)?.[1];
    return inZone(date, found ?? '+00:00');
  } catch (error) {
    throw new Error(`unknown time zone ${zone}`, { cause: error });
  }
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: BILLION,
  m: 60n * BILLION,
  h: 3600n * BILLION,
  d: 24n * 3600n * BILLION,
  w: 7n * 24n * 3600n * BILLION,
};

const SPANS = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;

/** `1h2m3.5s`; throws. */
export function parseGoDuration(text: string): Duration {
  const [, sign, rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return new Duration(0n);
  if (rest.length > TEXT_LENGTH_MAX || !SPANS.test(rest)) {
    throw new Error(`time: invalid duration "${text}"`);
  }
  let nanos = 0n;
  for (const [, whole, fraction = '', unit = ''] of rest.matchAll(/(\d*)\.?(\d*)([a-zµμ]+)/g)) {
    const factor = NANOSECONDS[unit] ?? 0n;
    const digits = fraction.slice(0, FRACTION_DIGITS_MAX);
    nanos += BigInt(whole || '0') * factor;
    nanos += (BigInt(digits || '0') * factor) / 10n ** BigInt(digits.length);
  }
  return durationOf(sign === '-' ? -nanos : nanos);
}

/** What a field of format `duration` holds: Go's form, or a number and a word (`3 days`). */
export function parseDurationField(text: string): Duration {
  const [, count, word = ''] = /^(\d+)\s*([a-zµ]+)$/.exec(text) ?? [];
  const unit = /^(ns|us|µs|ms|m(?=illi)|micro|nano|[smhdw])/.exec(word)?.[0] ?? '';
  const name = { m: word.startsWith('milli') ? 'ms' : 'm', micro: 'us', nano: 'ns' }[unit] ?? unit;
  const factor = NANOSECONDS[name];
  return count === undefined || factor === undefined
    ? parseGoDuration(text)
    : durationOf(BigInt(count) * factor);
}

function durationOf(nanos: bigint): Duration {
  return new Duration(nanos / BILLION, Number(nanos % BILLION));
}

/** Go's RFC3339Nano: no zeros at the end of a fraction. */
export function timestampText(date: Date): string {
  return date.toISOString().replace(/\.?0*Z$/, 'Z');
}

export function durationText({ seconds, nanos }: Duration): string {
  const total = seconds * BILLION + BigInt(nanos);
  const [sign, amount] = total < 0n ? ['-', -total] : ['', total];
  const fraction = String(amount % BILLION)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${amount / BILLION}${fraction === '' ? '' : `.${fraction}`}s`;
}
