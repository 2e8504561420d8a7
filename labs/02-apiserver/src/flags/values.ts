// values: reading the values of flags. What cannot be read is an error that names the flag and says what it needs.
//
// Same syntax upstream: pflag (booleans, lists) and time.ParseDuration.

import { readFile } from 'node:fs/promises';
import type { Flags } from './flag-group.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A flag's name in the object that commander gives: `--data-dir` is `dataDir`. */
function keyOf(flag: string): string {
  return flag
    .replace(/^--/, '')
    .replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

/** Undefined when it was not given, or is empty. */
export function textOf(flags: Flags, flag: string): string | undefined {
  const value = flags[keyOf(flag)];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function numberOf(
  flags: Flags,
  flag: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
): number | undefined {
  const text = textOf(flags, flag);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  throw new Error(`Cannot use ${flag} ${text}: it needs a whole number ${range}`);
}

/** `--flag`, `--flag=true`, `--flag=false`. */
export function booleanOf(flags: Flags, flag: string): boolean | undefined {
  const value = flags[keyOf(flag)];
  if (value === undefined || typeof value === 'boolean') return value;
  if (['true', '1', 't'].includes(value.toLowerCase())) return true;
  if (['false', '0', 'f'].includes(value.toLowerCase())) return false;
  throw new Error(`Cannot use ${flag} ${value}: it needs true or false`);
}

/** `1h30m`, `500ms`; in milliseconds. */
export function durationOf(flags: Flags, flag: string): number | undefined {
  const text = textOf(flags, flag);
  if (text === undefined) return undefined;
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) {
    throw new Error(`Cannot use ${flag} ${text}: it needs a duration like 30s or 1h30m`);
  }
  let totalMs = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return totalMs;
}

/** `a,b,c`; undefined when it was not given. */
export function listOf(flags: Flags, flag: string): readonly string[] | undefined {
  const text = textOf(flags, flag);
  if (text === undefined) return undefined;
  return text.split(',').flatMap((part) => part.trim() || []);
}

/** The text of the file that a flag names; undefined when it was not given. */
export async function fileOf(flags: Flags, flag: string): Promise<string | undefined> {
  const path = textOf(flags, flag);
  return path === undefined ? undefined : readText(path, flag);
}

export async function readText(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot read ${flag} ${path}: ${why}`, { cause: error });
  }
}

/** Files that only mean something together: all of them, or none. */
export function checkTogether(flags: Flags, names: readonly string[]): void {
  const missing = names.filter((flag) => textOf(flags, flag) === undefined);
  if (missing.length === 0 || missing.length === names.length) return;
  const given = names.filter((flag) => !missing.includes(flag));
  throw new Error(`Cannot use ${given.join(' and ')} without ${missing.join(' and ')}: give both`);
}

/** An object without its undefined fields, which options must not have. */
export function defined<T extends object>(
  fields: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
