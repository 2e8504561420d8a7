// FlagValues: how the values of flags are written: durations, numbers, labels.
//
// Same idea upstream: k8s.io/component-base/cli/flag.

import { InvalidArgumentError } from 'commander';

/** Go's way to write a duration: 10s, 1m30s, 500ms. A bare number is seconds. */
export function time(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new InvalidArgumentError(`want a duration such as 10s, got ${text}.`);
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit ?? ''] ?? 0), 0);
}

export function count(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError(`want a whole number, got ${text}.`);
  }
  return value;
}

export function bool(text: string): boolean {
  if (text !== 'true' && text !== 'false') {
    throw new InvalidArgumentError(`want true or false, got ${text}.`);
  }
  return text === 'true';
}

export function labels(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', value = ''] = pair.split(/=(.*)/s);
      return [key, value];
    }),
  );
}
