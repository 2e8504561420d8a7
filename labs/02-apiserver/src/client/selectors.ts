// selectors: which objects a label selector means, in its three forms.
//
//   map      {app: 'web'}                                services and replication controllers of 1.1
//   object   {matchLabels, matchExpressions}             metav1.LabelSelector
//   text     'app=web,tier in (a,b),!old,env!=test'      query parameters, kubectl -l
//
// All are a list of requirements that must all hold. A key that is absent satisfies NotIn and !=, as upstream.
// An empty selector means everything, an absent one nothing.
// Same rule upstream: k8s.io/apimachinery/pkg/labels and metav1.LabelSelectorAsSelector.

import type { LabelSelector } from 'kubernetes-types/meta/v1';
import {
  type LabelRequirement,
  type Labels,
  labelOf,
  matchesRequirements,
} from './label-requirement.ts';

/** Undefined selects nothing, {} everything. */
export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Labels | undefined,
): boolean {
  return selector !== undefined && matchesRequirements(requirementsOf(selector), labels);
}

/** For the map form: every pair must be there. Undefined selects nothing. */
export function matchesLabels(selector: Labels | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  return Object.entries(selector).every(([key, value]) => labelOf(labels, key) === value);
}

/** Throws, in upstream's words, when the text is no selector. */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  const tokens = tokenize(text);
  const requirements: LabelRequirement[] = [];
  while (tokens.length > 0) {
    requirements.push(parseRequirement(tokens, text));
    if (tokens.length === 0) break;
    const separator = tokens.shift();
    if (separator !== ',' || tokens.length === 0) throw parseError(text, separator, ',');
  }
  return requirements;
}

/** The text form, as it goes into ?labelSelector=. */
export function formatLabelSelector(selector: LabelSelector): string {
  return requirementsOf(selector).map(formatRequirement).join(',');
}

export function requirementsOf(selector: LabelSelector): readonly LabelRequirement[] {
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: 'In', values: [value] });
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    requirements.push({
      key,
      operator: operator as LabelRequirement['operator'],
      values: values ?? [],
    });
  }
  return requirements;
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'Gt':
      return `${key}>${values[0]}`;
    case 'Lt':
      return `${key}<${values[0]}`;
  }
}

const TOKEN = /\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)\s*/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match?.[1] === undefined) break; // Only blanks are left.
    tokens.push(match[1]);
  }
  return tokens;
}

function parseRequirement(tokens: string[], text: string): LabelRequirement {
  if (tokens[0] === '!') {
    tokens.shift();
    return { key: takeWord(tokens, text, 'identifier'), operator: 'DoesNotExist', values: [] };
  }
  const key = takeWord(tokens, text, '!, identifier');
  if (tokens.length === 0 || tokens[0] === ',') return { key, operator: 'Exists', values: [] };
  const operator = tokens.shift();
  switch (operator) {
    case '=':
    case '==':
      return { key, operator: 'In', values: [takeValue(tokens)] };
    case '!=':
      return { key, operator: 'NotIn', values: [takeValue(tokens)] };
    case 'in':
      return { key, operator: 'In', values: takeSet(tokens, text) };
    case 'notin':
      return { key, operator: 'NotIn', values: takeSet(tokens, text) };
    case '>':
      return { key, operator: 'Gt', values: [takeWord(tokens, text, 'identifier')] };
    case '<':
      return { key, operator: 'Lt', values: [takeWord(tokens, text, 'identifier')] };
    default:
      throw parseError(text, operator, 'in, notin, =, ==, !=, gt, lt');
  }
}

function takeSet(tokens: string[], text: string): readonly string[] {
  const open = tokens.shift();
  if (open !== '(') throw parseError(text, open, '(');
  const values: string[] = [];
  for (;;) {
    values.push(takeValue(tokens));
    const next = tokens.shift();
    if (next === ')') return values;
    if (next !== ',') throw parseError(text, next, ',, or )');
  }
}

/** A value may be empty: 'app=' asks for the label with no text. */
function takeValue(tokens: string[]): string {
  return isWord(tokens[0]) ? (tokens.shift() ?? '') : '';
}

function takeWord(tokens: string[], text: string, expected: string): string {
  const word = tokens.shift();
  if (!isWord(word)) throw parseError(text, word, expected);
  return word;
}

function isWord(token: string | undefined): token is string {
  return token !== undefined && !/^[=!,()<>]/.test(token);
}

function parseError(text: string, found: string | undefined, expected: string): Error {
  return new Error(
    `unable to parse requirement: found '${found ?? ''}', expected: ${expected} in '${text}'`,
  );
}
