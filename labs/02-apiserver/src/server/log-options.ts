// log-options: the query of `pods/NAME/log`, checked, and as the kubelet wants to hear it.
//
// What is not an option is not passed on: the kubelet hears nothing that this server does not understand.
//
// Same rule upstream: core/validation (ValidatePodLogOptions) and registry/core/pod/strategy.go (LogLocation).

import { badRequest } from '../api-error.ts';
import { type FieldError, forbiddenField, invalid, invalidValue } from '../strategy/field-error.ts';

const FLAGS = ['follow', 'previous', 'timestamps'];
const NUMBERS = [
  { name: 'sinceSeconds', least: 1 },
  { name: 'tailLines', least: 0 },
  { name: 'limitBytes', least: 1 },
];
const LEAST_TEXT = ['must be greater than or equal to 0', 'must be greater than 0'];
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** The kubelet's query; throws what upstream answers to options that make no sense. */
export function logQuery(query: URLSearchParams, podName: string): URLSearchParams {
  const options = new URLSearchParams();
  const errors: FieldError[] = [];
  for (const name of FLAGS) if (flagOf(query, name)) options.set(name, 'true');
  for (const { name, least } of NUMBERS) {
    const value = numberOf(query, name);
    if (value === undefined) continue;
    if (value < least) errors.push(invalidValue(name, value, LEAST_TEXT[least] ?? ''));
    options.set(name, String(value));
  }
  const sinceTime = query.get('sinceTime') ?? '';
  if (sinceTime !== '') {
    if (!RFC_3339.test(sinceTime) || Number.isNaN(Date.parse(sinceTime))) {
      throw badRequest(`parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00"`);
    }
    if (options.has('sinceSeconds')) {
      const why = 'at most one of `sinceTime` or `sinceSeconds` may be specified';
      errors.push(forbiddenField('', why));
    }
    options.set('sinceTime', sinceTime);
  }
  if (errors.length > 0) {
    throw invalid({ group: '', version: 'v1', kind: 'PodLogOptions' }, podName, errors);
  }
  return options;
}

/** As Go's conversion has it: everything but false and 0 is true. */
function flagOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && !['false', '0'].includes(value.toLowerCase());
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (!Number.isSafeInteger(Number(text))) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return Number(text);
}
