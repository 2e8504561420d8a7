// events: the events of the core group under the names of events.k8s.io/v1. The fields are the same, but for seven of them.
//
// Same rules upstream: pkg/apis/events/v1/conversion.go.

import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';

/** Core's name, and the newer one. */
const RENAMED = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;
const TO_NEW: ReadonlyMap<string, string> = new Map(RENAMED);
const TO_CORE: ReadonlyMap<string, string> = new Map(RENAMED.map(([core, name]) => [name, core]));

export function eventToNew(object: ReadonlyApiObject): KubernetesObject {
  return renamed(object, TO_NEW);
}

export function eventToCore(object: KubernetesObject): KubernetesObject {
  return renamed(object, TO_CORE);
}

function renamed(object: object, names: ReadonlyMap<string, string>): KubernetesObject {
  const entries = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value]);
  return Object.fromEntries(entries) as KubernetesObject;
}
