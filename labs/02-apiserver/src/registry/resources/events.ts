// events: the resources of the group events.k8s.io: the events of the core group under newer field names.
//
// Same facts upstream: registry/events/rest/storage_events.go.

import { eventToCore, eventToNew } from '../../convert/events.ts';
import { newEventStrategy } from '../../strategy/event.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { EVENTS } from './core.ts';
import { define, field, fields } from './define.ts';

/** The same fields by their newer names. */
const regarding = Object.fromEntries(
  ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((part) => [
    `regarding.${part}`,
    field(`involvedObject.${part}`),
  ]),
);

export const EVENTS_RESOURCES: readonly ResourceDefinition[] = [
  define('Event', 'events', {
    group: 'events.k8s.io',
    shortNames: ['ev'],
    createOnUpdate: true,
    strategy: newEventStrategy,
    judgesItself: true,
    selectableFields: {
      ...regarding,
      ...fields('reason', 'type'),
      reportingController: field('reportingComponent'),
    },
    storedAs: { definition: EVENTS, toStorage: eventToCore, fromStorage: eventToNew },
  }),
];
