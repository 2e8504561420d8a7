// policy: what a namespace says about the security of its pods: three levels, each with the version of Kubernetes that it is of. Pure.
//
//   pod-security.kubernetes.io/enforce: baseline          what breaks it is refused
//   pod-security.kubernetes.io/audit, …/warn              what breaks it is noted down, or told
//   pod-security.kubernetes.io/enforce-version: v1.25     the rules as they were then; default: latest
//
// A level that is not one counts as restricted where it is enforced, and as privileged elsewhere: nobody gets more by a mistake.
// Same rules and sentences upstream: pod-security-admission, api/helpers.go.

import { type FieldError, invalidValue } from '../../strategy/field-error.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

export interface LevelVersion {
  readonly level: Level;
  /** Of 1.x; Infinity is the latest. */
  readonly minor: number;
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export interface ParsedPolicy {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
}

export const PREFIX = 'pod-security.kubernetes.io/';
const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted'];
const VERSION = /^v1\.(0|[1-9]\d{0,5})$/;

export function policyOf(labels: Readonly<Record<string, string>> = {}): ParsedPolicy {
  const errors: FieldError[] = [];
  const refuse = (label: string, value: string, detail: string): void => {
    errors.push(invalidValue(`metadata.labels[${label}]`, value, detail));
  };
  const read = (mode: keyof Policy): LevelVersion => {
    const [levelLabel, versionLabel] = [PREFIX + mode, `${PREFIX}${mode}-version`];
    const { [levelLabel]: text = 'privileged', [versionLabel]: version = 'latest' } = labels;
    const level = LEVELS.find((one) => one === text);
    if (level === undefined) refuse(levelLabel, text, `must be one of ${LEVELS.join(', ')}`);
    const minor = minorOf(version);
    if (minor === undefined) refuse(versionLabel, version, 'must be "latest" or "v1.x"');
    return {
      level: level ?? (mode === 'enforce' ? 'restricted' : 'privileged'),
      minor: minor ?? Number.POSITIVE_INFINITY,
    };
  };
  const policy = { enforce: read('enforce'), audit: read('audit'), warn: read('warn') };
  return { policy, errors };
}

function minorOf(version: string): number | undefined {
  if (version === 'latest') return Number.POSITIVE_INFINITY;
  const text = VERSION.exec(version)?.[1];
  return text === undefined ? undefined : Number(text);
}

/** `baseline:latest` */
export function formatLevel({ level, minor }: LevelVersion): string {
  return `${level}:${Number.isFinite(minor) ? `v1.${minor}` : 'latest'}`;
}

export function isStricter(a: Level, b: Level): boolean {
  return LEVELS.indexOf(a) > LEVELS.indexOf(b);
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}
