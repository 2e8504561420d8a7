// event: the strategies of events. Both APIs, core/v1 and events.k8s.io/v1, speak of the same stored kind, and judge it differently.
//
// An event of the old sort counts what happened again and again; one of the new sort has a time of its own, says who saw it and
// what was done, and keeps its count in a series. Who writes through events.k8s.io must write the new sort, and may change
// nothing later but the series.
//
// Same rules upstream: pkg/apis/core/validation/events.go.

import type { Event } from 'kubernetes-types/core/v1';
import { type FieldError, invalidValue, invalidValues, required } from './field-error.ts';
import { dns1123Subdomain, qualifiedName } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const TEXT_MAX_CHARS = 128;
const MESSAGE_MAX_CHARS = 1024;
const UNSET = ['firstTimestamp', 'lastTimestamp', 'count'] as const;
const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const;
/** As events.k8s.io calls what is stored under core's name. */
const NEW_NAMES: Readonly<Partial<Record<string, string>>> = {
  reportingComponent: 'reportingController',
};

export const eventStrategy: Strategy = defineStrategy<Event>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate: (event) => validateEvent(event, 'reportingComponent'),
});

/** For what comes through events.k8s.io/v1. */
export const newEventStrategy: Strategy = defineStrategy<Event>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate: (event) => [
    ...validateEvent(event, 'reportingController'),
    ...validateSeries(event),
    ...validateNewSort(event),
  ],
  validateOnUpdate: (event, old) => [
    ...validateEvent(event, 'reportingController'),
    ...validateSeries(event),
    ...FIXED.flatMap((name) => validateImmutable(event[name], old[name], NEW_NAMES[name] ?? name)),
  ],
});

function validateEvent(event: Event, reporter: string): FieldError[] {
  const { involvedObject, metadata, eventTime } = event;
  const { namespace = '' } = involvedObject ?? {};
  const own = metadata?.namespace ?? '';
  // Events about objects of the whole cluster are kept in the namespace default.
  const fits = namespace === '' ? own === 'default' || own === 'kube-system' : namespace === own;
  const errors = fits
    ? []
    : [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')];
  return eventTime ? [...errors, ...validateTexts(event, reporter)] : errors;
}

function validateTexts(event: Event, reporter: string): FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '' } = event;
  const errors: FieldError[] = [];
  if (reportingComponent === '') errors.push(required(reporter));
  errors.push(...invalidValues(reporter, reportingComponent, qualifiedName(reportingComponent)));
  for (const [field, text] of Object.entries({ reportingInstance, action, reason })) {
    if (text === '') errors.push(required(field));
    if (text.length > TEXT_MAX_CHARS) {
      errors.push(invalidValue(field, '', `can have at most ${TEXT_MAX_CHARS} characters`));
    }
  }
  if ((event.message ?? '').length > MESSAGE_MAX_CHARS) {
    errors.push(invalidValue('message', '', `can have at most ${MESSAGE_MAX_CHARS} characters`));
  }
  return errors;
}

function validateSeries({ series }: Event): FieldError[] {
  if (series === undefined) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) {
    errors.push(invalidValue('series.count', '', 'should be at least 2'));
  }
  if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'));
  return errors;
}

function validateNewSort(event: Event): FieldError[] {
  const { eventTime, type = '', source } = event;
  const errors: FieldError[] = [];
  if (!eventTime) errors.push(required('eventTime'));
  if (type !== 'Normal' && type !== 'Warning') {
    errors.push(invalidValue('type', '', `has invalid value: ${type}`));
  }
  for (const field of UNSET) {
    if (event[field]) errors.push(invalidValue(field, '', 'needs to be unset'));
  }
  if (source?.component || source?.host) {
    errors.push(invalidValue('source', '', 'needs to be unset'));
  }
  return errors;
}
